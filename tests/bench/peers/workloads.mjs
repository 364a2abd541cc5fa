// The workloads for a peer in Node; ../README.md has what is asked of it. What differs from library to library is an adapter:
//   connection(), channel(connection), onChannel(connection, callback), onOpen(channel, callback),
//   onMessage(channel, callback), onLow(channel, threshold, callback), send(channel, data), buffered(channel),
//   offer(connection), answer(connection, offer), accept(connection, answer), close(connection)
//
// SPDX-License-Identifier: BSD-3-Clause
import fs from 'node:fs';
import readline from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const HIGH = 1 << 20, LOW = 512 << 10, WARM_UP = 200;

const say = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await input.next()).value);

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const residentKib = () => process.memoryUsage.rss() / 1024;

// An event; waiting for it takes it back.
class Flag {
  #set = () => {};
  #promise;

  constructor() { this.#renew(); }
  #renew() { this.#promise = new Promise((resolve) => { this.#set = resolve; }); }
  set = () => this.#set();
  async wait() {
    await this.#promise;
    this.#renew();
  }
}

async function roundTrips(a, channel, message, count, pong) {
  const times = [];
  let used = 0;
  for (let i = -WARM_UP; i < count; i++) {
    if (i === 0) used = cpu();
    const began = performance.now();
    a.send(channel, message);
    await pong.wait();
    if (i >= 0) times.push((performance.now() - began) * 1e3);
  }
  used = cpu() - used;
  times.sort((left, right) => left - right);
  return { p50_us: times[count >> 1], p99_us: times[Math.floor(count * 0.99)], cpu_s: used, n: count };
}

async function offer(a, work, size, amount) {
  const connection = a.connection(), channel = a.channel(connection);
  const [opened, low, pong, done] = [new Flag(), new Flag(), new Flag(), new Flag()];
  a.onOpen(channel, opened.set);
  a.onLow(channel, LOW, low.set);
  a.onMessage(channel, (data) => (typeof data === 'string' ? done : pong).set());
  say({ sdp: await a.offer(connection) });
  await a.accept(connection, (await hear()).sdp);
  await opened.wait();
  const message = Buffer.alloc(size);
  let result;
  if (work === 'rtt') {
    result = await roundTrips(a, channel, message, amount, pong);
    a.send(channel, 'END');
    await done.wait();
  } else {
    const used = cpu(), until = performance.now() + amount * 1e3;
    let sent = 0;
    for (; performance.now() < until; sent++) {
      if (a.buffered(channel) > HIGH) await low.wait();
      a.send(channel, message);
    }
    a.send(channel, 'END');
    await done.wait();
    result = { sent, cpu_s: cpu() - used };
  }
  say({ result });
}

async function answer(a, work) {
  const connection = a.connection(), over = new Flag();
  a.onChannel(connection, (channel) => {
    let received = 0, bytes = 0, began = 0, used = 0;
    a.onMessage(channel, (data) => {
      if (typeof data === 'string') {
        say({ result: { received, bytes, secs: (performance.now() - began) / 1e3, cpu_s: cpu() - used } });
        a.send(channel, 'DONE');
        over.set();
        return;
      }
      if (received === 0) [began, used] = [performance.now(), cpu()];
      received++;
      bytes += data.byteLength;
      if (work === 'rtt') a.send(channel, data);
    });
  });
  say({ sdp: await a.answer(connection, (await hear()).sdp) });
  await over.wait();
  await setTimeout(500); // DONE is on its way
}

// Many connections between two processes, one after the other.
async function crowd(a, offers, count) {
  const kept = [], opened = new Flag(), ended = new Flag();
  let before = 0, channel;
  function take(taken) {
    kept.push(channel = taken);
    a.onMessage(taken, ended.set);
    a.onOpen(taken, opened.set);
  }
  for (let i = 0; i <= count; i++) {
    const connection = a.connection();
    kept.push(connection);
    if (offers) {
      take(a.channel(connection));
      say({ sdp: await a.offer(connection) });
      await a.accept(connection, (await hear()).sdp);
    } else {
      a.onChannel(connection, take);
      say({ sdp: await a.answer(connection, (await hear()).sdp) });
    }
    await opened.wait();
    if (i === 0) before = residentKib();
  }
  if (offers) {
    await setTimeout(1000);
    a.send(channel, 'END');
  }
  await ended.wait();
  say({ result: { connections: count, kib_per_pc: (residentKib() - before) / count } });
  if (!offers) {
    a.send(channel, 'DONE');
    await setTimeout(500);
  }
  return kept;
}

// Two connections in this process, until both ends of their channel are open.
async function pair(a) {
  const ours = a.connection(), theirs = a.connection(), channel = a.channel(ours);
  const kept = [ours, theirs, channel], here = new Flag(), there = new Flag();
  a.onOpen(channel, here.set);
  a.onChannel(theirs, (other) => {
    kept.push(other);
    a.onOpen(other, there.set);
  });
  await a.accept(ours, await a.answer(theirs, await a.offer(ours)));
  await here.wait();
  await there.wait();
  return kept;
}

async function setUp(a, count) {
  const times = [], cpus = [];
  for (let i = 0; i < count; i++) {
    const used = cpu(), began = performance.now();
    const [ours, theirs] = await pair(a);
    times.push(performance.now() - began);
    cpus.push((cpu() - used) * 1e3);
    await a.close(ours);
    await a.close(theirs);
    await setTimeout(20);
  }
  say({ result: { ms: times, cpu_ms: cpus } });
}

async function idle(a, count) {
  const kept = [await pair(a)], before = residentKib();
  for (let i = 0; i < count; i++) kept.push(await pair(a));
  await setTimeout(1000);
  say({ result: { pairs: count, kib_per_pc: (residentKib() - before) / (2 * count) } });
  return kept;
}

export async function main(a) {
  const [role, work, ...amounts] = process.argv.slice(2), [first, second] = amounts.map(Number);
  if (work === 'crowd') await crowd(a, role === 'offer', first);
  else if (role === 'local') await (work === 'setup' ? setUp : idle)(a, first);
  else if (role === 'offer') await offer(a, work, first, second);
  else await answer(a, work);
  process.kill(process.pid, 'SIGKILL'); // some libraries hang when they are cleaned up
}

// An adapter for whatever has the W3C's RTCPeerConnection.
export function w3c(RTCPeerConnection, configuration) {
  async function apply(connection, description) {
    const gathered = new Promise((resolve) => {
      connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
    });
    await connection.setLocalDescription(description);
    if (connection.iceGatheringState !== 'complete') await gathered;
    const { type, sdp } = connection.localDescription;
    return { type, sdp };
  }
  return {
    connection: () => new RTCPeerConnection(configuration),
    channel: (connection) => connection.createDataChannel('bench'),
    onChannel(connection, callback) { connection.ondatachannel = ({ channel }) => callback(channel); },
    onOpen(channel, callback) {
      if (channel.readyState === 'open') callback();
      else channel.onopen = () => callback();
    },
    onMessage(channel, callback) {
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => callback(data);
    },
    onLow(channel, threshold, callback) {
      channel.bufferedAmountLowThreshold = threshold;
      channel.onbufferedamountlow = () => callback();
    },
    send: (channel, data) => channel.send(data),
    buffered: (channel) => channel.bufferedAmount,
    offer: async (connection) => apply(connection, await connection.createOffer()),
    async answer(connection, offered) {
      await connection.setRemoteDescription(offered);
      return apply(connection, await connection.createAnswer());
    },
    accept: (connection, answered) => connection.setRemoteDescription(answered),
    close: (connection) => connection.close(),
  };
}
