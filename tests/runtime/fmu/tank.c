/* A tank as an FMI 2.0 co-simulation unit: level' = pump / 100 - level / 50. Compiled by the tests. */
#include <stdlib.h>
#include <string.h>

typedef struct { double level, pump; } Tank;
typedef void *C;
typedef unsigned int Ref;
typedef int Status;

const char *fmi2GetTypesPlatform(void) { return "default"; }
const char *fmi2GetVersion(void) { return "2.0"; }
Status fmi2SetDebugLogging(C c, int on, size_t n, const char *const categories[]) { return 0; }

C fmi2Instantiate(const char *name, int type, const char *guid, const char *where, const void *functions, int visible,
                  int logging) {
    Tank *tank = calloc(1, sizeof(Tank));
    tank->level = 1.0;
    return tank;
}
void fmi2FreeInstance(C c) { free(c); }
Status fmi2SetupExperiment(C c, int t, double tolerance, double start, int s, double stop) { return 0; }
Status fmi2EnterInitializationMode(C c) { return 0; }
Status fmi2ExitInitializationMode(C c) { return 0; }
Status fmi2Terminate(C c) { return 0; }
Status fmi2Reset(C c) {
    Tank *tank = c;
    tank->level = 1.0;
    tank->pump = 0.0;
    return 0;
}

static double *at(Tank *tank, Ref reference) { return reference == 1 ? &tank->pump : &tank->level; }

Status fmi2GetReal(C c, const Ref refs[], size_t n, double values[]) {
    for (size_t i = 0; i < n; i++) values[i] = *at(c, refs[i]);
    return 0;
}
Status fmi2SetReal(C c, const Ref refs[], size_t n, const double values[]) {
    for (size_t i = 0; i < n; i++) *at(c, refs[i]) = values[i];
    return 0;
}
Status fmi2DoStep(C c, double now, double size, int keep) {
    Tank *tank = c;
    if (tank->pump > 1000.0) return 3; /* fmi2Error: no such pump */
    for (int i = 0; i < 100; i++) tank->level += size / 100 * (tank->pump / 100 - tank->level / 50);
    return 0;
}
Status fmi2CancelStep(C c) { return 0; }

Status fmi2GetFMUstate(C c, void **state) {
    if (!*state) *state = malloc(sizeof(Tank));
    memcpy(*state, c, sizeof(Tank));
    return 0;
}
Status fmi2SetFMUstate(C c, void *state) {
    memcpy(c, state, sizeof(Tank));
    return 0;
}
Status fmi2FreeFMUstate(C c, void **state) {
    free(*state);
    *state = NULL;
    return 0;
}

/* What the standard asks to be there and nobody calls. */
#define UNUSED(name) Status name(void) { return 3; }
UNUSED(fmi2SerializedFMUstateSize)
UNUSED(fmi2SerializeFMUstate)
UNUSED(fmi2DeSerializeFMUstate)
UNUSED(fmi2GetInteger)
UNUSED(fmi2GetBoolean)
UNUSED(fmi2GetString)
UNUSED(fmi2SetInteger)
UNUSED(fmi2SetBoolean)
UNUSED(fmi2SetString)
UNUSED(fmi2GetDirectionalDerivative)
UNUSED(fmi2SetRealInputDerivatives)
UNUSED(fmi2GetRealOutputDerivatives)
UNUSED(fmi2GetStatus)
UNUSED(fmi2GetRealStatus)
UNUSED(fmi2GetIntegerStatus)
UNUSED(fmi2GetBooleanStatus)
UNUSED(fmi2GetStringStatus)
