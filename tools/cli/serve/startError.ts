/** A reason not to start that the user can do something about; the message says what. */
export class StartError extends Error {}
