/** Ends the program without a word when the reader of its output leaves, as `head` does: with 141, shells' code for SIGPIPE. */
export function endOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(141);
  });
}
