//! Which step's text is shown. It is in the address (`#step=…`), so a reload and the back button keep it.

const read = (): string | null => new URLSearchParams(location.hash.slice(1)).get('step');

class Reading {
  /** The step chosen by hand; null follows the active step. */
  step = $state<string | null>(read());

  constructor() {
    addEventListener('hashchange', () => {
      this.step = read();
    });
  }

  turnTo(id: string): void {
    if (this.step === id) return;
    this.step = id;
    history.pushState(null, '', `#step=${encodeURIComponent(id)}`);
  }
}

export const reading = new Reading();
addEventListener('popstate', () => {
  reading.step = read();
});
