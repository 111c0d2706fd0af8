/** Points kept of a curve, however long the training. */
export const CURVE_POINTS = 500;

/**
 * A curve that keeps at most 500 points, evenly over its length, and always its newest. Steps rise; a point
 * at an earlier step means that work after it was lost and is being done again, so what came after is dropped.
 */
export class Curve {
  private readonly points: { step: number; value: number }[];
  /** Steps between two kept points. */
  private gap: number;
  /** The last point is only there because it is the newest: the next one takes its place. */
  private isLastProvisional = false;

  constructor(points: readonly { step: number; value: number }[] = []) {
    this.points = [...points];
    this.gap = points.length > CURVE_POINTS / 2 ? this.meanGap() : 0;
  }

  add(step: number, value: number): void {
    while ((this.points.at(-1)?.step ?? -1) >= step) {
      this.points.pop();
      this.isLastProvisional = false;
    }
    if (this.isLastProvisional) this.points.pop();
    if (this.points.length === CURVE_POINTS) this.thin();
    const last = this.points.at(-1);
    this.isLastProvisional = last !== undefined && step - last.step < this.gap;
    this.points.push({ step, value });
  }

  get steps(): number[] {
    return this.points.map(({ step }) => step);
  }

  get values(): number[] {
    return this.points.map(({ value }) => value);
  }

  private thin(): void {
    const kept = this.points.filter((_, index) => index % 2 === 0);
    this.points.splice(0, this.points.length, ...kept);
    this.gap = this.meanGap();
  }

  private meanGap(): number {
    const [first, last] = [this.points[0], this.points.at(-1)];
    return first && last ? (last.step - first.step) / Math.max(this.points.length - 1, 1) : 0;
  }
}
