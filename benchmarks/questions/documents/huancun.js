// 带过期时间的内存缓存,满了就淘汰最久没有用过的键。

export class LruCache {
  constructor({ capacity = 500, ttlMs = 60_000, clock = Date.now } = {}) {
    this.capacity = capacity;
    this.ttlMs = ttlMs;
    this.clock = clock;
    this.entries = new Map();
  }

  /** 读取一个键;过期的键当作不存在并立即删除。 */
  get(key) {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    if (entry.expires <= this.clock()) return undefined;
    this.entries.set(key, entry); // 重新放到末尾,表示刚用过
    return entry.value;
  }

  /** 写入一个键,容量不够时先淘汰队首。 */
  set(key, value, ttlMs = this.ttlMs) {
    this.entries.delete(key);
    if (this.entries.size >= this.capacity) this.entries.delete(this.entries.keys().next().value);
    this.entries.set(key, { value, expires: this.clock() + ttlMs });
  }
}

/** 同一个键的并发请求只回源一次,其余的等待同一个结果,防止缓存击穿。 */
export function singleFlight(load) {
  const pending = new Map();
  return (key) => {
    if (!pending.has(key)) {
      pending.set(key, load(key).finally(() => pending.delete(key)));
    }
    return pending.get(key);
  };
}
