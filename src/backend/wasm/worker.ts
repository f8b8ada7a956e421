/** The script of a worker thread: it binds the kernels to the shared memory and serves. In Node, `member` is set before. */
import { type CrewMember, serve } from './crew.js';

const { member } = globalThis as { member?: CrewMember };
if (member) serve(member);
else globalThis.onmessage = ({ data }: MessageEvent<CrewMember>) => serve(data);
