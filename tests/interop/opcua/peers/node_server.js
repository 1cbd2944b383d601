// A node-opcua server as a process: the nodes of the matrix, one user, and a log of what arrived.
// Usage: node node_server.js PORT FOLDER, where FOLDER has server.crt, server.pem; it writes arrived.jsonl there.
"use strict";
const fs = require("fs");
const path = require("path");
const opcua = require("node-opcua");

const [, , port, folder] = process.argv;
const NAMESPACE = "urn:example:plant";
const { DataType, StatusCodes, Variant, MessageSecurityMode, SecurityPolicy } = opcua;

function note(what, facts) {
  fs.appendFileSync(path.join(folder, "arrived.jsonl"), JSON.stringify({ what, ...facts }) + "\n");
}

function addVariable(space, plant, name) {
  let held = 1.0;
  const variable = space.addVariable({
    componentOf: plant, browseName: name, nodeId: `s=${name}`, dataType: "Double", minimumSamplingInterval: 50,
    value: {
      get: () => new Variant({ dataType: DataType.Double, value: held }),
      set: (variant) => { note("write", { node: name, value: String(variant.value) }); held = variant.value; return StatusCodes.Good; },
    },
  });
  return variable;
}

function addMethod(space, plant, name) {
  const argument = (label) => ({ name: label, dataType: DataType.Double });
  const method = space.addMethod(plant, {
    browseName: name, nodeId: `s=${name}`, inputArguments: [argument("value")], outputArguments: [argument("twice")],
  });
  method.bindMethod((inputs, _context, callback) => {
    note("call", { node: name, value: inputs[0].value });
    callback(null, { statusCode: StatusCodes.Good, outputArguments: [{ dataType: DataType.Double, value: 2 * inputs[0].value }] });
  });
}

async function main() {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: path.join(folder, "node-server-pki"), automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const server = new opcua.OPCUAServer({
    port: Number(port), host: "127.0.0.1", hostname: "127.0.0.1", resourcePath: "/plant",
    certificateFile: path.join(folder, "server.crt"), privateKeyFile: path.join(folder, "server.pem"),
    serverCertificateManager: manager,
    serverInfo: { applicationUri: "urn:example:server" },
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: true, maxConnectionsPerEndpoint: 100,
    userManager: { isValidUser: (user, password) => user === "operator" && password === "secret" },
    alternateHostname: ["127.0.0.1", "localhost"],
  });
  await server.initialize();
  const space = server.engine.addressSpace.registerNamespace(NAMESPACE);
  const plant = space.addObject({ organizedBy: server.engine.addressSpace.rootFolder.objects, browseName: "Plant", nodeId: "s=Plant" });
  const names = ["Allowed", "Denied", "Ranged", ...Array.from({ length: 500 }, (_, n) => `P${n}`)];
  for (const name of names) addVariable(space, plant, name);
  addMethod(space, plant, "Safe");
  addMethod(space, plant, "Danger");
  await server.start();
  console.log("ready");
}

main().catch((error) => { console.error(error); process.exit(1); });
