// A node-opcua client as a process: it goes through the steps of the matrix and prints what it saw as JSON.
// Usage: node node_client.js URL POLICY MODE USER FOLDER STEPS, as asyncua_client.py.
"use strict";
const path = require("path");
const opcua = require("node-opcua");

const { AttributeIds, DataType, MessageSecurityMode, SecurityPolicy, UserTokenType } = opcua;
const NAMESPACE = "urn:example:plant";
const [, , url, policy, mode, user, folder, stepNames] = process.argv;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function steps(session, client, index) {
  const id = (name) => `ns=${index};s=${name}`;
  const writeAll = async (pairs) => {
    const items = pairs.map(([name, value]) => ({
      nodeId: id(name), attributeId: AttributeIds.Value, value: { value: { dataType: DataType.Double, value } },
    }));
    return (await session.write(items)).map((code) => code.name);
  };
  const read = async (name) => (await session.read({ nodeId: id(name), attributeId: AttributeIds.Value })).value.value;
  const call = async (name, value) => {
    const found = await session.call({
      objectId: id("Plant"), methodId: id(name), inputArguments: [{ dataType: DataType.Double, value }],
    });
    return found.statusCode.name === "Good" ? found.outputArguments[0].value : found.statusCode.name;
  };
  const fifty = (base, place, name, value) => {
    const pairs = Array.from({ length: 50 }, (_, n) => [`P${n}`, base + n]);
    pairs[place] = [name, value];
    return pairs;
  };
  return {
    browse: async () => {
      let found = await session.browse({ nodeId: id("Plant"), referenceTypeId: "HasComponent", includeSubtypes: true, browseDirection: 0, resultMask: 63 });
      let count = found.references.length;
      while (found.continuationPoint && found.continuationPoint.length) {
        found = await session.browseNext(found.continuationPoint, false);
        count += found.references.length;
      }
      return count;
    },
    read: () => read("P3"),
    read500: async () => {
      const items = Array.from({ length: 500 }, (_, n) => ({ nodeId: id(`P${n}`), attributeId: AttributeIds.Value }));
      return (await session.read(items)).filter((one) => typeof one.value.value === "number").length;
    },
    write: async () => [await writeAll([["Allowed", 7.5]]), await read("Allowed")],
    deny: async () => [await writeAll([["Denied", 66]]), await read("Denied")],
    range: async () => [await writeAll([["Ranged", 500]]), await writeAll([["Ranged", 50]])],
    nan: () => writeAll([["Ranged", NaN]]),
    mixed: () => writeAll([["Allowed", 8], ["Denied", 66], ["P1", 9]]),
    fifty: () => {
      const pairs = fifty(100, 17, "Denied", 66);
      pairs[30] = ["Nowhere", 1];
      return writeAll(pairs);
    },
    fifty_range: () => writeAll(fifty(200, 41, "Ranged", 1e6)),
    call: () => call("Safe", 21),
    danger: () => call("Danger", 1),
    subscribe: async () => {
      const subscription = await session.createSubscription2({
        requestedPublishingInterval: 100, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
        maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1,
      });
      const heard = [];
      const item = await subscription.monitor(
        { nodeId: id("Allowed"), attributeId: AttributeIds.Value }, { samplingInterval: 50, discardOldest: true, queueSize: 10 },
        opcua.TimestampsToReturn.Both);
      item.on("changed", (value) => heard.push(value.value.value));
      for (const value of [31, 32, 33]) {
        await writeAll([["Allowed", value]]);
        for (let turn = 0; turn < 100 && heard[heard.length - 1] !== value; turn++) await pause(50);
      }
      await subscription.terminate();
      return heard.slice(-3);
    },
    renew: async () => {
      let done = 0, running = true, renewed = 0;
      client.on("security_token_renewed", () => renewed++);
      const reader = async () => { while (running) { await read("P3"); done++; } };
      const readers = [reader(), reader(), reader(), reader()];
      for (let turn = 0; turn < 100 && renewed < 5; turn++) await pause(50);
      running = false;
      await Promise.all(readers);
      return done > 20 && renewed >= 5;
    },
    alias: async () => {
      const [alias] = await session.registerNodes([id("Denied")]);
      const code = await session.write({ nodeId: alias, attributeId: AttributeIds.Value, value: { value: { dataType: DataType.Double, value: 66 } } });
      return code.name;
    },
  };
}

async function run(names) {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: path.join(folder, "node-client-pki"), automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const client = opcua.OPCUAClient.create({
    applicationName: "client", applicationUri: "urn:example:client", clientCertificateManager: manager,
    certificateFile: path.join(folder, "client.crt"), privateKeyFile: path.join(folder, "client.pem"),
    securityPolicy: SecurityPolicy[policy], securityMode: MessageSecurityMode[mode],
    endpointMustExist: true, connectionStrategy: { maxRetry: 0 }, requestedSessionTimeout: 60000, transportTimeout: 15000,
    tokenRenewalInterval: 300, // renewals under load in every run
  });
  const seen = {};
  await client.connect(url);
  try {
    const [userName, password] = user.split(":");
    const identity = user === "anonymous" ? { type: UserTokenType.Anonymous } : { type: UserTokenType.UserName, userName, password };
    const session = await client.createSession(identity);
    const array = await session.readNamespaceArray();
    const acting = steps(session, client, array.indexOf(NAMESPACE));
    for (const name of names) {
      try {
        seen[name] = await acting[name]();
      } catch (error) {
        seen[name] = `failed: ${error.message}`;
      }
    }
    await session.close();
  } finally {
    await client.disconnect();
  }
  return seen;
}

async function main() {
  const names = stepNames.split(",");
  let seen;
  try {
    seen = await run(names.filter((name) => name !== "reconnect"));
    if (names.includes("reconnect")) seen.reconnect = (await run(["read"])).read;
  } catch (error) {
    seen = { ended: error.message };
  }
  console.log(JSON.stringify(seen));
  process.exit(0);
}

main();
