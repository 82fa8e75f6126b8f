/** A queue of things in order, oldest first, that is looked into from a place on. Pure. */

/** The front is cut off when this much of it is empty. */
const MIN_WASTE = 256;

export class Lane<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head >= MIN_WASTE && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** All from the first that is wanted on; those before must all be unwanted. */
  *from(isWanted: (item: T) => boolean): Generator<T> {
    for (let at = this.#firstThat(isWanted); at < this.#items.length; at++) yield this.#items[at] as T;
  }

  *backwards(): Generator<T> {
    for (let at = this.#items.length - 1; at >= this.#head; at--) yield this.#items[at] as T;
  }

  #firstThat(isWanted: (item: T) => boolean): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isWanted(this.#items[middle] as T)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
