/** Lanes that a software device computes at once: a vector of 256 bits holds eight f32. */
export const vectorLanes = 8
