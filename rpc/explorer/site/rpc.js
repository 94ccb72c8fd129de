// JSON-RPC over the WebSocket of the node that served this page; it comes back when the node does.

/**
 * @typedef {"connecting" | "open" | "lost"} Link
 * @typedef {{number: number, finalized: number}} Heads
 * @typedef {{text: string, done: (value: any) => void, fail: (error: Error) => void}} Waiting
 */

const RETRY_MS = [250, 500, 1000, 2000, 4000];

export class Rpc {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    /** @type {Link} */
    this.link = "connecting";
    /** @type {Heads} */
    this.heads = { number: 0, finalized: 0 };
    this.tries = 0;
    this.nextId = 1;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.socket = this.connect();
  }

  /**
   * @param {string} method
   * @param {...unknown} params
   * @returns {Promise<any>}
   */
  ask(method, ...params) {
    const id = this.nextId++;
    const text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    return new Promise((done, fail) => {
      this.waiting.set(id, { text, done, fail });
      if (this.link === "open") this.socket.send(text);
    });
  }

  /**
   * Hears of every new head and of the connection's state; returns what ends it.
   * @param {() => void} listener
   */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  tell() {
    for (const listener of [...this.listeners]) listener();
  }

  connect() {
    const socket = new WebSocket(this.url);
    socket.onopen = () => this.opened();
    socket.onclose = () => this.closed();
    socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    return socket;
  }

  opened() {
    this.link = "open";
    this.tries = 0;
    for (const { text } of this.waiting.values()) this.socket.send(text);
    this.ask("chain_subscribeNewHeads").catch(() => {});
    this.ask("chain_subscribeFinalizedHeads").catch(() => {});
    this.tell();
  }

  closed() {
    this.link = "lost";
    const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
    setTimeout(() => (this.socket = this.connect()), wait);
    this.tell();
  }

  /** @param {any} message */
  receive(message) {
    if (message.method === "chain_newHead") {
      this.heads = { ...this.heads, number: parseInt(message.params.result.number, 16) };
      this.tell();
    } else if (message.method === "chain_finalizedHead") {
      this.heads = { ...this.heads, finalized: parseInt(message.params.result.number, 16) };
      this.tell();
    } else {
      this.answered(message);
    }
  }

  /** @param {any} message */
  answered(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    const { error } = message;
    if (error) waiting.fail(new Error(typeof error.data === "string" ? error.data : error.message));
    else waiting.done(message.result);
  }
}
