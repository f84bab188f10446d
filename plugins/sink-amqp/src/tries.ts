/** Less than a try may take, so that what was sent is given up before the next one begins. */
export const answerMs = 20_000
/** For the other side's good-bye. */
export const closeMs = 500
export const connectMs = 5_000
