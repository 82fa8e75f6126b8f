// Why the tests cannot run here, in one line that needs no stack.
export class SetupError extends Error {
  name = "SetupError";
}
