// Placement of labels by the rule described in dashboards/label_places.py; change both files together.
const labelPlaces = (marks, labels, [frameWidth, frameHeight], fontSize, gap) => {
  const PLACES = [[1, 1], [-1, 1], [1, -1], [-1, -1], [0, 1], [0, -1], [1, 0], [-1, 0]];
  const CHARACTER_WIDTH_EM = 0.6, MARK_SHARE = 0.75, COST_PER_EM_OUTSIDE = 10;
  const width = frameWidth / fontSize, height = frameHeight / fontSize, gapEm = gap / fontSize;
  const half = MARK_SHARE * gapEm;
  const centres = marks.map(([x, y]) => [x / fontSize, y / fontSize]);
  // Boxes are left, bottom, right, top.
  const taken = centres.map(([x, y]) => [x - half, y - half, x + half, y + half]);
  const overlap = (low, high, otherLow, otherHigh) => Math.max(0, Math.min(high, otherHigh) - Math.max(low, otherLow));
  const shared = (a, b) => overlap(a[0], a[2], b[0], b[2]) * overlap(a[1], a[3], b[1], b[3]);
  const outside = ([left, bottom, right, top]) => Math.max(0, -left, -bottom, right - width, top - height);
  const cost = (box) => taken.reduce((sum, other) => sum + shared(box, other), 0) + COST_PER_EM_OUTSIDE * outside(box);
  return labels.map((label, i) => {
    if (label === null) return null;
    const [x, y] = centres[i], length = CHARACTER_WIDTH_EM * [...label].length;
    const boxes = PLACES.map(([dx, dy]) => {
      const [cx, cy] = [x + dx * (gapEm + length / 2), y + dy * (gapEm + 0.5)];
      return [cx - length / 2, cy - 0.5, cx + length / 2, cy + 0.5];
    });
    const costs = boxes.map(cost);
    const best = costs.indexOf(Math.min(...costs));
    taken.push(boxes[best]);
    return PLACES[best];
  });
};
