import { threefryWgsl } from './special.js'

/**
 * An infinity and not-a-number in WGSL, which refuses constant expressions that are either: their bits are
 * those of variables, of which its compiler does not know the value. −0 is written so too: as a constant,
 * drivers take it for 0.
 */
const infinity = 'bitcast<f32>(infinityBits)'
const notANumber = 'bitcast<f32>(nanBits)'
const negativeZero = 'bitcast<f32>(negativeZeroBits)'

const bitsOf = { infinityBits: '0x7f800000u', nanBits: '0x7fc00000u', negativeZeroBits: '0x80000000u' }

/** The declarations of the variables that the text of a kernel reads such constants from. */
export const constantBits = (text: string): readonly string[] =>
  Object.entries(bitsOf).flatMap(([name, bits]) =>
    text.includes(name) ? [`var<private> ${name}: u32 = ${bits};`] : [],
  )

/** A type of one number or of four neighbours, and what it takes to write a function for either. */
interface Shape {
  readonly suffix: '' | '4'
  readonly f32: string
  readonly u32: string
  readonly bits: (literal: string) => string
  readonly nan: (x: string) => string
}

const shapes: readonly Shape[] = [
  { suffix: '', f32: 'f32', u32: 'u32', bits: x => x, nan: x => nanText(x, 'u32', y => y) },
  {
    suffix: '4',
    f32: 'vec4f',
    u32: 'vec4u',
    bits: x => `vec4u(${x})`,
    nan: x => nanText(x, 'vec4u', y => `vec4u(${y})`),
  },
]

/** Whether a value is not a number, by its bits: compilers of shaders may hold `a != a` to be false. */
const nanText = (x: string, u32: string, bits: (literal: string) => string): string =>
  `((bitcast<${u32}>(${x}) & ${bits('0x7fffffffu')}) > ${bits('0x7f800000u')})`

/** WGSL for whether an f32 value (a name) is not a number. */
export const isNanText = (x: string): string => nanText(x, 'u32', y => y)

/** The bits of an f32: those of its exponent, which are all 1 in an infinity; all but the sign; the sign. */
const infinityMask = '0x7f800000u'
const magnitudeMask = '0x7fffffffu'
const signMask = '0x80000000u'
const quietNaN = '0x7fc00000u'

const signOf = (s: Shape, bits: string): string => `${bits} & ${s.bits(signMask)}`

/** WGSL that returns the number with these bits where the condition holds, and not-a-number elsewhere. */
const returnUnlessNaN = (s: Shape, bits: string, condition: string): string =>
  `return bitcast<${s.f32}>(select(${s.bits(quietNaN)}, ${bits}, ${condition}));`

/** A function of numbers, and the same for four neighbours, whose name ends in 4. */
const forBoth = (name: string, write: (s: Shape) => string): Readonly<Record<string, string>> =>
  Object.fromEntries(shapes.map(s => [`${name}${s.suffix}`, `fn ${name}${s.suffix}${write(s)}`]))

const extremum = (op: 'max' | 'min') =>
  forBoth(
    `real_${op}`,
    ({ f32, nan }) => `(a: ${f32}, b: ${f32}) -> ${f32} {
  return select(${op}(a, b), a + b, ${nan('a')} | ${nan('b')});
}`,
  )

/**
 * WGSL functions that rows of the primitive table call, by the name they are called by. None calls another.
 * WGSL lets a compiler assume that no value is infinite or not a number; those for f32 are written so that
 * this assumption changes nothing.
 */
export const helpers: Readonly<Record<string, string>> = {
  ...extremum('max'),
  ...extremum('min'),
  ...forBoth(
    'is_nan',
    ({ suffix, f32, nan }) => `(a: ${f32}) -> ${suffix === '' ? 'bool' : 'vec4<bool>'} {
  return ${nan('a')};
}`,
  ),
  // Compilers hold x · 0 to be 0: it is not a number where x is infinite or not a number, and has the sign
  // of x.
  ...forBoth(
    'times_zero',
    s => `(a: ${s.f32}) -> ${s.f32} {
  let b = bitcast<${s.u32}>(a);
  let finite = (b & ${s.bits(infinityMask)}) < ${s.bits(infinityMask)};
  ${returnUnlessNaN(s, signOf(s, 'b'), 'finite')}
}`,
  ),
  ...forBoth(
    'zero_over',
    s => `(a: ${s.f32}) -> ${s.f32} {
  let b = bitcast<${s.u32}>(a);
  let size = b & ${s.bits(magnitudeMask)};
  let some = (size != ${s.bits('0u')}) & (size <= ${s.bits(infinityMask)});
  ${returnUnlessNaN(s, signOf(s, 'b'), 'some')}
}`,
  ),
  ...forBoth(
    'over_zero',
    s => `(a: ${s.f32}) -> ${s.f32} {
  let b = bitcast<${s.u32}>(a);
  let size = b & ${s.bits(magnitudeMask)};
  let some = (size != ${s.bits('0u')}) & (size <= ${s.bits(infinityMask)});
  ${returnUnlessNaN(s, `(${signOf(s, 'b')}) | ${s.bits(infinityMask)}`, 'some')}
}`,
  ),
  // Compilers take a common factor out of sums, so that an infinite one meets a sum that cancels.
  ...forBoth(
    'infinity_over',
    s => `(a: ${s.f32}) -> ${s.f32} {
  let b = bitcast<${s.u32}>(a);
  let finite = (b & ${s.bits(infinityMask)}) < ${s.bits(infinityMask)};
  ${returnUnlessNaN(s, `(${signOf(s, 'b')}) | ${s.bits(infinityMask)}`, 'finite')}
}`,
  ),
  ...forBoth(
    'minus_itself',
    s => `(a: ${s.f32}) -> ${s.f32} {
  let finite = (bitcast<${s.u32}>(a) & ${s.bits(infinityMask)}) < ${s.bits(infinityMask)};
  ${returnUnlessNaN(s, s.bits('0u'), 'finite')}
}`,
  ),
  // A sum that adds and subtracts the term t: compilers leave out both.
  ...forBoth(
    'where_finite',
    ({ f32, u32, bits }) => `(sum: ${f32}, t: ${f32}) -> ${f32} {
  let finite = (bitcast<${u32}>(t) & ${bits('0x7f800000u')}) < ${bits('0x7f800000u')};
  return select(${f32}(${notANumber}), sum, finite);
}`,
  ),
  // Compilers hold exp(log(a)) to be a, and sqrt(a) · sqrt(a) too.
  ...forBoth(
    'real_log',
    ({ f32 }) => `(a: ${f32}) -> ${f32} {
  return select(log(a), ${f32}(${notANumber}), a < ${f32}());
}`,
  ),
  ...forBoth(
    'real_sqrt',
    ({ f32 }) => `(a: ${f32}) -> ${f32} {
  return select(sqrt(a), ${f32}(${notANumber}), a < ${f32}());
}`,
  ),
  // The bits as a whole number that grows with the number; not-a-number is above all.
  order_key: `fn order_key(a: f32) -> i32 {
  let b = bitcast<i32>(a);
  return select(b ^ ((b >> 31u) & 0x7fffffff), 0x7fffffff, ${isNanText('a')});
}`,
  of_order_key: `fn of_order_key(k: i32) -> f32 {
  return bitcast<f32>(k ^ ((k >> 31u) & 0x7fffffff));
}`,
  real_sign: `fn real_sign(a: f32) -> f32 {
  return select(sign(a), a, ${isNanText('a')});
}`,
  // WGSL stops at the largest f32 below the end of the type, and leaves open what becomes of what is not a
  // number.
  to_i32: `fn to_i32(a: f32) -> i32 {
  return select(select(i32(a), 2147483647, a >= 2147483648.0), 0, ${isNanText('a')});
}`,
  to_u32: `fn to_u32(a: f32) -> u32 {
  return select(select(u32(a), 4294967295u, a >= 4294967296.0), 0u, ${isNanText('a')});
}`,
  // By long division of the mantissas, which is exact however large the quotient is (as in the C library
  // musl).
  real_mod: `fn real_mod(a: f32, b: f32) -> f32 {
  let ua = bitcast<u32>(a) & 0x7fffffffu;
  let ub = bitcast<u32>(b) & 0x7fffffffu;
  if (ua >= 0x7f800000u || ub > 0x7f800000u || ub < 0x00800000u) { return ${notANumber}; }
  var r = ua;
  if (ua >= ub) {
    var e = i32(ua >> 23u);
    let least = i32(ub >> 23u);
    var m = (ua & 0x7fffffu) | 0x800000u;
    let n = (ub & 0x7fffffu) | 0x800000u;
    while (e > least) {
      if (m >= n) { m = m - n; }
      m = m << 1u;
      e = e - 1;
    }
    if (m >= n) { m = m - n; }
    if (m == 0u) { r = 0u; } else {
      let shift = firstLeadingBit(m);
      let up = 23u - shift;
      e = e - i32(up);
      r = select(0u, ((m << up) & 0x7fffffu) | (u32(max(e, 1)) << 23u), e > 0);
    }
  }
  let negative = bitcast<u32>(b) & 0x80000000u;
  if (r == 0u) { return bitcast<f32>(negative); }
  let rest = bitcast<f32>(r | (bitcast<u32>(a) & 0x80000000u));
  if (((bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u) != 0u) { return rest + b; }
  return rest;
}`,
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
  if (${isNanText('b')}) { return b; }
  if (a > 0.0) { return pow(a, b); }
  let whole = floor(b) == b;
  if (a < 0.0 && !whole && abs(a) <= 3.40282346e38) { return ${notANumber}; }
  let odd = whole && (b - 2.0 * floor(0.5 * b) == 1.0);
  let size = select(pow(-a, b), select(${infinity}, 0.0, b > 0.0), a == 0.0);
  return select(size, -size, odd && bitcast<u32>(a) > 0x7fffffffu);
}`,
  // By bits, for ±0, ±∞ and NaN; atan of a quotient up to 1 as in Moshier's Cephes (atanf), with an error of
  // 2e-7.
  real_atan2: `fn real_atan2(y: f32, x: f32) -> f32 {
  let size_y = bitcast<u32>(y) & 0x7fffffffu;
  let size_x = bitcast<u32>(x) & 0x7fffffffu;
  let more = max(size_y, size_x);
  let less = min(size_y, size_x);
  if (more > 0x7f800000u) { return ${notANumber}; }
  var q = select(0.0, 1.0, less == more && more != 0u);
  if (less != more && more < 0x7f800000u) {
    // Quotients are exact enough where the divisor is between 2^-101 and 2^101.
    let large = select(1.0, 5.4210109e-20, more > 0x72000000u);
    let scale = select(large, 1.8446744e19, more < 0x0d000000u);
    q = (bitcast<f32>(less) * scale) / (bitcast<f32>(more) * scale);
  }
  // Beyond tan(π/8) from the other side: atan(q) = π/4 + atan((q - 1) / (q + 1)).
  let far = q > 0.41421357;
  let z = select(q, (q - 1.0) / (q + 1.0), far);
  let s = z * z;
  var p = fma(8.05374450e-2, s, -1.38776856e-1);
  p = fma(p, s, 1.99777106e-1);
  p = fma(p, s, -3.33329491e-1);
  var r = select(0.0, 0.78539816, far) + fma(p * s, z, z);
  if (size_y > size_x) { r = 1.5707964 - r; }
  if (bitcast<u32>(x) > 0x7fffffffu) { r = 3.1415927 - r; }
  return bitcast<f32>((bitcast<u32>(r) & 0x7fffffffu) | (bitcast<u32>(y) & 0x80000000u));
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
  // Near 0 by 2 artanh (a / (2 + a)): 1 + a would lose the digits of a.
  log_one_plus: `fn log_one_plus(a: f32) -> f32 {
  if (abs(a) < 0.5) {
    let s = a / (2.0 + a);
    let t = s * s;
    var r = fma(0.07692308, t, 0.09090909);
    r = fma(r, t, 0.11111111);
    r = fma(r, t, 0.14285714);
    r = fma(r, t, 0.2);
    r = fma(r, t, 0.33333334);
    return 2.0 * fma(s * t, r, s);
  }
  return select(log(1.0 + a), ${notANumber}, a < -1.0);
}`,
  // Near 0 by Taylor's series: exp(a) - 1 would lose the digits of a.
  exp_minus_one: `fn exp_minus_one(a: f32) -> f32 {
  if (abs(a) < 0.5) {
    var r = fma(2.4801587e-5, a, 1.9841270e-4);
    r = fma(r, a, 1.3888889e-3);
    r = fma(r, a, 8.3333333e-3);
    r = fma(r, a, 4.1666668e-2);
    r = fma(r, a, 0.16666667);
    r = fma(r, a, 0.5);
    return fma(a * a, r, a);
  }
  return exp(a) - 1.0;
}`,
  tangent: `fn tangent(a: f32) -> f32 {
  return sin(a) / cos(a);
}`,
  // Some drivers compute tanh from exponentials that overflow, and that cancel near 0.
  safe_tanh: `fn safe_tanh(a: f32) -> f32 {
  if (abs(a) > 10.0) { return sign(a); }
  if (abs(a) < 0.02) { return a - a * a * a * 0.33333334; }
  return tanh(a);
}`,
  sigmoid: `fn sigmoid(a: f32) -> f32 {
  let e = exp(-abs(a));
  return select(e, 1.0, a >= 0.0) / (1.0 + e);
}`,
  // Two minimax polynomials: in x² near 0, and of log(1 - erf) elsewhere. Maximal error 1e-7.
  erf: `fn erf(a: f32) -> f32 {
  if (${isNanText('a')}) { return a; }
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

/**
 * A constant as WGSL writes it. What no f32 literal can say is read from variables, which `constantBits`
 * declares.
 */
export const wgslLiteral = (dtype: 'f32' | 'i32' | 'u32' | 'bool', value: number): string => {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  if (dtype === 'u32') return `${value >>> 0}u`
  if (dtype === 'i32')
    return value < 0 ? (value <= -2147483648 ? 'i32(-2147483648)' : `(${value})`) : `${value}`
  const rounded = Math.fround(value)
  if (Number.isNaN(rounded)) return notANumber
  if (!Number.isFinite(rounded)) return rounded > 0 ? infinity : `(-${infinity})`
  if (Object.is(rounded, -0)) return negativeZero
  const text = `${rounded}`
  const literal = /[.e]/.test(text) ? text : `${text}.0`
  return rounded < 0 ? `(${literal})` : literal
}
