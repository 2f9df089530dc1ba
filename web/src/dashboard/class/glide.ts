//! Lines that change place are seen to move. Only when the order changes, and only those in sight: a class may have hundreds.

const MOVE_MS = 240;

export class Glide {
  private order = '';
  private size = 0;
  private tops = new Map<Element, number>();

  /** Before the lines are drawn anew: where those are that may move. `order` names the lines to come. */
  before(body: HTMLElement | undefined, order: string[]): void {
    const next = order.join(' ');
    const reordered = this.order !== next && this.size === order.length;
    this.order = next;
    this.size = order.length;
    this.tops.clear();
    if (!reordered || !body || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    for (const line of body.children) this.tops.set(line, line.getBoundingClientRect().top);
  }

  /** After that: each glides from where it was. */
  after(): void {
    const moved = [...this.tops]
      .map(([line, top]) => ({ line, by: top - line.getBoundingClientRect().top, at: top }))
      .filter(({ by, at }) => Math.abs(by) >= 1 && ((at > 0 && at < innerHeight) || (at - by > 0 && at - by < innerHeight)));
    this.tops.clear();
    for (const { line, by } of moved) line.animate({ transform: [`translateY(${by}px)`, 'none'] }, { duration: MOVE_MS, easing: 'cubic-bezier(.2, .8, .2, 1)' });
  }
}
