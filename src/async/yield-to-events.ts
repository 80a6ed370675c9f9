/**
 * Lets pending events, such as Ctrl-C, be handled between two long pieces of work. Does nothing without a
 * signal. Rejects with the signal's reason if it is aborted.
 */
export const yieldToEvents = async (signal?: AbortSignal): Promise<void> => {
  signal?.throwIfAborted()
  if (signal === undefined) return
  await new Promise(resolve => setTimeout(resolve, 0))
  signal.throwIfAborted()
}
