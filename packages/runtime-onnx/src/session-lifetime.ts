import type { Session } from './session.js';

/**
 * Postpones a session's release until its last result has been released: a device buffer goes back to the session it
 * came from, and onnxruntime ends the process if that session is gone.
 */
export interface SessionLifetime {
  /** Keeps the session until the returned function is called. */
  readonly hold: () => () => void;
  /** Releases the session now, or as soon as nothing holds it. */
  readonly close: () => Promise<void>;
}

export function sessionLifetime(session: Session): SessionLifetime {
  let holders = 0;
  let closed = false;
  return {
    hold: () => {
      holders++;
      return () => {
        holders--;
        if (closed && holders === 0) void session.release();
      };
    },
    close: async () => {
      closed = true;
      if (holders === 0) await session.release();
    },
  };
}
