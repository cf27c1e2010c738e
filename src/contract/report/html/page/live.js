// A run that goes on: told by the server that something has come, or asked for it again and again.

const ASK_EVERY_MS = 2000;
const REST_MIN_MS = 250;

/** Follows a running mock, and hands on what has come; `tell` hears whether it can be reached. */
export class Live {
  constructor(page, tell) {
    this.page = page;
    this.tell = tell;
    this.base = location.pathname.replace(/\/+$/, '');
    this.rest = REST_MIN_MS;
    document.addEventListener('visibilitychange', () => { if (this.missed) this.soon(); });
    this.listen();
  }

  listen() {
    const source = new EventSource(`${this.base}/events?after=${this.page.run.last()}`);
    const come = () => this.soon();
    for (const name of ['call', 'change', 'gates']) source.addEventListener(name, come);
    source.addEventListener('open', () => {
      this.stopAsking();
      this.tell('live');
    });
    source.addEventListener('error', () => {
      this.tell('lost');
      // The browser tries again by itself, unless it was refused: then it is asked instead.
      this.startAsking();
    });
  }

  startAsking() {
    this.asking ||= setInterval(() => this.soon(), ASK_EVERY_MS);
  }

  stopAsking() {
    clearInterval(this.asking);
    this.asking = null;
  }

  /** Asks for what is new, not more often than the answers take. */
  soon() {
    if (this.waiting || document.hidden) {
      this.missed = true;
      return;
    }
    this.waiting = setTimeout(async () => {
      const began = performance.now();
      this.missed = false;
      try {
        await this.refresh();
      } catch {
        this.tell('lost');
      }
      this.rest = Math.max(REST_MIN_MS, 4 * (performance.now() - began));
      this.waiting = null;
      if (this.missed) this.soon();
    }, this.first ? this.rest : 0);
    this.first = true;
  }

  async refresh() {
    const answer = await fetch(`${this.base}/page?after=${this.page.run.last()}`, { headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(String(answer.status));
    this.page.take(await answer.json());
    this.tell('live');
  }

  /** Does something with the clock. */
  clock(verb, body) {
    return this.post(`clock/${verb}`, body);
  }

  /** Opens a gate. */
  release(gate, body) {
    return this.post(`gates/${encodeURIComponent(gate)}/_release`, body);
  }

  async post(path, body) {
    const answer = await fetch(`${this.base}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const told = await answer.json();
    await this.refresh();
    return answer.ok ? told : { error: told.error?.reason || answer.status };
  }
}
