// Fronts, ranges of axes and regions of uncertainty, in plain numbers.
const hasBoth = (arm, x, y) => meanOf(arm, x) !== null && meanOf(arm, y) !== null;
const isDefinedForAllSeeds = (arm, name) => valuesOf(arm, name).every((value) => value !== null);
const isObjective = (name) => metrics.get(name).direction !== "neutral";

// Arms of `candidates` that no other one dominates in the two metrics.
function nonDominated(candidates, x, y) {
  const cost = (metric, value) => (metrics.get(metric).direction === "maximize" ? -value : value);
  const costs = new Map(candidates.map((arm) => [arm, [cost(x, meanOf(arm, x)[0]), cost(y, meanOf(arm, y)[0])]]));
  return candidates.filter((arm) => {
    const [ax, ay] = costs.get(arm);
    return !candidates.some((other) => {
      const [bx, by] = costs.get(other);
      return bx <= ax && by <= ay && (bx < ax || by < ay);
    });
  });
}
const candidatesOf = (x, y) =>
  x === y || !isObjective(x) || !isObjective(y) ? []
    : data.arms.filter((arm) => arm.eligible && hasBoth(arm, x, y) && isDefinedForAllSeeds(arm, x) && isDefinedForAllSeeds(arm, y));

// A linear or logarithmic axis: `to` gives the number along the axis, `from` the value there. Plotly's ranges are along it.
const LINEAR = { type: "linear", to: (value) => value, from: (value) => value };
const LOGARITHMIC = { type: "log", to: (value) => (value > 0 ? Math.log10(value) : -Infinity), from: (value) => 10 ** value };

// Range along an axis that includes all means and seeds, and `extra` values if they do not stretch it too much.
function rangeOf(arms, name, scale, extra = []) {
  const values = arms.flatMap((arm) => [meanOf(arm, name)[0], ...valuesOf(arm, name).filter((value) => value !== null)]).map(scale.to).filter(Number.isFinite);
  if (!values.length) return [0, 1];
  let low = Math.min(...values), high = Math.max(...values);
  const span = high - low || 0.2 * Math.abs(high) || 0.2;
  for (const each of extra.map(scale.to)) {
    if (each < low && each > low - 0.6 * span) low = each;
    if (each > high && each < high + 0.6 * span) high = each;
  }
  const margin = 0.12 * (high - low || span);
  return [low - margin, high + margin];
}
const isInside = (arm, x, y, [xRange, yRange], [xScale, yScale]) =>
  [[x, xRange, xScale], [y, yRange, yScale]].every(([name, [low, high], scale]) => {
    const value = scale.to(meanOf(arm, name)[0]);
    return value >= low && value <= high;
  });

// From this number of seeds the ellipse is drawn unless the reader chooses otherwise.
const SEEDS_FOR_ELLIPSE = 6;

// Outline of the 95 % confidence region of an arm's mean in two metrics (Hotelling, 1931): with n seeds the squared
// radius is (n - 1) (0.05^(-2 / (n - 2)) - 1) / n in units of their covariance, by the closed form of the quantile of F
// with 2 and n - 2 degrees of freedom. Null below three seeds, where there is none.
function ellipse(arm, x, y) {
  const [xs, ys] = [valuesOf(arm, x), valuesOf(arm, y)];
  const pairs = xs.map((value, i) => [value, ys[i]]).filter(([a, b]) => a !== null && b !== null);
  const n = pairs.length;
  if (n < 3) return null;
  const mean = (index) => pairs.reduce((sum, pair) => sum + pair[index], 0) / n;
  const centre = [mean(0), mean(1)];
  const covariance = (i, j) => pairs.reduce((sum, pair) => sum + (pair[i] - centre[i]) * (pair[j] - centre[j]), 0) / (n - 1);
  const radius = Math.sqrt(((n - 1) * (0.05 ** (-2 / (n - 2)) - 1)) / n);
  // Cholesky factor of the covariance: it maps the unit circle to the ellipse.
  const a = Math.sqrt(covariance(0, 0)), b = a > 0 ? covariance(0, 1) / a : 0, c = Math.sqrt(Math.max(0, covariance(1, 1) - b * b));
  const angles = Array.from({ length: 65 }, (_, i) => (2 * Math.PI * i) / 64);
  return {
    x: angles.map((angle) => centre[0] + radius * a * Math.cos(angle)),
    y: angles.map((angle) => centre[1] + radius * (b * Math.cos(angle) + c * Math.sin(angle))),
  };
}

// The part of an interval to draw: clipped to `reach` on each side of the mean and to the range, all along the axis.
// Returns [low, high, whether the low end is clipped, whether the high end is].
function clippedInterval([mean, lo, hi], scale, [low, high], reach) {
  const centre = scale.to(mean);
  const first = Math.max(centre - reach, low), last = Math.min(centre + reach, high);
  const [from, to] = [scale.to(lo), scale.to(hi)];
  return [scale.from(Math.max(from, first)), scale.from(Math.min(to, last)), from < first, to > last];
}
