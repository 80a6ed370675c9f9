import { threefryWgsl } from './special.js'

/** WGSL functions that rows of the primitive table call, by the name they are called by. None calls another. */
export const helpers: Readonly<Record<string, string>> = {
  floor_div: `fn floor_div(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  let q = a / b;
  return select(q, q - 1, (a % b != 0) && ((a < 0) != (b < 0)));
}`,
  floor_mod: `fn floor_mod(a: i32, b: i32) -> i32 {
  let r = a % b;
  return select(r, r + b, (r != 0) && ((r < 0) != (b < 0)));
}`,
  uint_div: `fn uint_div(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a / b;
}`,
  uint_mod: `fn uint_mod(a: u32, b: u32) -> u32 {
  return a % b;
}`,
  uint_sign: `fn uint_sign(a: u32) -> u32 {
  return min(a, 1u);
}`,
  // WGSL's pow is undefined for a negative base.
  real_pow: `fn real_pow(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (a > 0.0) { return pow(a, b); }
  let whole = floor(b) == b;
  if (a < 0.0 && !whole) { return sqrt(a); }
  let odd = whole && (b - 2.0 * floor(0.5 * b) == 1.0);
  let size = select(pow(-a, b), select(1.0 / abs(a), 0.0, b > 0.0), a == 0.0);
  return select(size, -size, odd && a < 0.0);
}`,
  int_pow: `fn int_pow(a: i32, b: i32) -> i32 {
  if (b < 0) { return 0; }
  var out = 1;
  var base = a;
  for (var n = b; n > 0; n = n >> 1u) {
    if ((n & 1) == 1) { out = out * base; }
    base = base * base;
  }
  return out;
}`,
  uint_pow: `fn uint_pow(a: u32, b: u32) -> u32 {
  var out = 1u;
  var base = a;
  for (var n = b; n > 0u; n = n >> 1u) {
    if ((n & 1u) == 1u) { out = out * base; }
    base = base * base;
  }
  return out;
}`,
  // Some drivers compute tanh from exponentials that overflow.
  safe_tanh: `fn safe_tanh(a: f32) -> f32 {
  if (abs(a) > 10.0) { return sign(a); }
  return tanh(a);
}`,
  sigmoid: `fn sigmoid(a: f32) -> f32 {
  let e = exp(-abs(a));
  return select(e, 1.0, a >= 0.0) / (1.0 + e);
}`,
  // Two minimax polynomials: in x² near 0, and of log(1 - erf) elsewhere. Maximal error 1e-7.
  erf: `fn erf(a: f32) -> f32 {
  let t = min(abs(a), 6.0);
  let s = t * t;
  if (t > 0.927734375) {
    var r = fma(-1.72853470e-5, t, 3.83197126e-4);
    let u = fma(-3.88396438e-3, t, 2.42546219e-2);
    r = fma(r, s, u);
    r = fma(r, t, -1.06777877e-1);
    r = fma(r, t, -6.34846687e-1);
    r = fma(r, t, -1.28717512e-1);
    r = fma(r, t, -t);
    return sign(a) * (1.0 - exp(r));
  }
  var r = -5.96761703e-4;
  r = fma(r, s, 4.99119423e-3);
  r = fma(r, s, -2.67681349e-2);
  r = fma(r, s, 1.12819925e-1);
  r = fma(r, s, -3.76125336e-1);
  r = fma(r, s, 1.28379166e-1);
  return fma(r, a, a);
}`,
  threefry: threefryWgsl(),
}

const maxF32 = 3.4028234663852886e38

/** A constant as WGSL writes it. There is no literal for an infinity: the largest finite number stands for it. */
export const wgslLiteral = (dtype: 'f32' | 'i32' | 'u32' | 'bool', value: number): string => {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  if (dtype === 'u32') return `${value >>> 0}u`
  if (dtype === 'i32')
    return value < 0 ? (value <= -2147483648 ? 'i32(-2147483648)' : `(${value})`) : `${value}`
  const rounded = Math.min(maxF32, Math.max(-maxF32, Math.fround(value)))
  const text = `${rounded}`
  const literal = /[.e]/.test(text) ? text : `${text}.0`
  return rounded < 0 || Object.is(rounded, -0) ? `(${Object.is(rounded, -0) ? '-0.0' : literal})` : literal
}
