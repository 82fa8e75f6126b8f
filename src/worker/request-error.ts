/** What an app is told when those whom it asks by the cluster do not answer. */

/** Some workers did not answer a request in time. */
export class RequestTimeoutError extends Error {
  override readonly name = "RequestTimeoutError";
  readonly code = "HOLDFAST_REQUEST_TIMEOUT";
  readonly responses: unknown[];

  constructor(what: string, timeoutMs: number, responses: unknown[]) {
    super(`timeout reached: only ${responses.length} responses to "${what}" received within ${timeoutMs} ms`);
    this.responses = responses;
  }
}

/** So many requests of this worker are under way that nobody was asked. */
export class RequestRefusedError extends Error {
  override readonly name = "RequestRefusedError";
  readonly code = "HOLDFAST_REQUEST_REFUSED";

  constructor() {
    super("the other workers were not asked: too many requests of this worker wait for answers");
  }
}

/** `timeoutError` makes that of a deadline that has passed. */
export function requestError(failure: Error | "timeout" | "refused", timeoutError: () => Error): Error {
  if (failure === "timeout") return timeoutError();
  return failure === "refused" ? new RequestRefusedError() : failure;
}
