/**
 * Why a job's signal was aborted. BullMQ hands on a text, and it is by this that the processor tells who is to have the upload next;
 * with any other reason it was somebody's wish.
 */
export const LOCK_LOST = "The lock of the job was lost: another worker may have it";
export const CLOSING = "The worker is being closed";
export const REMOVED = "The job was removed while it was in work";
