//! str0m as a peer of the benchmarks: one thread, UDP sockets that do not block, poll(2). ../README.md has what is asked of a peer.
//!
//! SPDX-License-Identifier: BSD-3-Clause
use serde_json::{Value, json};
use std::io::{BufRead, ErrorKind, Write, stdin, stdout};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::{ChannelData, ChannelId};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const HI: usize = 1 << 20;
const LO: usize = 512 << 10;

fn out(v: Value) {
    let mut o = stdout().lock();
    writeln!(o, "{v}").unwrap();
    o.flush().unwrap();
}
fn read_line() -> Value {
    let mut s = String::new();
    stdin().lock().read_line(&mut s).unwrap();
    if s.is_empty() { Value::Null } else { serde_json::from_str(&s).unwrap() }
}
fn cpu() -> f64 {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    (r.ru_utime.tv_sec + r.ru_stime.tv_sec) as f64 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) as f64 / 1e6
}
fn rss_kib() -> u64 {
    let s = std::fs::read_to_string("/proc/self/statm").unwrap();
    s.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

struct Peer {
    rtc: Rtc,
    sock: UdpSocket,
    addr: SocketAddr,
    next: Instant,
    alive: bool,
}

enum Ev {
    Open(ChannelId),
    Data(ChannelData),
    Low,
}

impl Peer {
    fn new() -> Peer {
        let sock = UdpSocket::bind("127.0.0.1:0").unwrap();
        sock.set_nonblocking(true).unwrap();
        let addr = sock.local_addr().unwrap();
        let mut c: RtcConfig = Rtc::builder();
        if let Ok(b) = std::env::var("STR0M_BUF") {
            c = c.set_sctp_max_buffered_amount(b.parse().unwrap());
        }
        let mut rtc = c.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(addr, "udp").unwrap());
        Peer { rtc, sock, addr, next: Instant::now(), alive: true }
    }
    /// Polls until the library has nothing to send or to tell before `next`.
    fn poll(&mut self, f: &mut dyn FnMut(&mut Rtc, Ev)) {
        loop {
            match self.rtc.poll_output().expect("poll_output") {
                Output::Transmit(t) => {
                    // A full socket buffer drops the datagram: SCTP sends it again.
                    let _ = self.sock.send_to(&t.contents, t.destination);
                }
                Output::Timeout(t) => {
                    let now = Instant::now();
                    if t > now {
                        self.next = t;
                        return;
                    }
                    self.rtc.handle_input(Input::Timeout(now)).expect("timeout");
                }
                Output::Event(e) => match e {
                    Event::ChannelOpen(id, _) => f(&mut self.rtc, Ev::Open(id)),
                    Event::ChannelData(d) => f(&mut self.rtc, Ev::Data(d)),
                    Event::ChannelBufferedAmountLow(_) => f(&mut self.rtc, Ev::Low),
                    _ => {}
                },
            }
            if !self.rtc.is_alive() {
                self.alive = false;
                self.next = Instant::now() + Duration::from_secs(3600);
                return;
            }
        }
    }
    /// Takes every datagram that waits; true if there was one.
    fn drain(&mut self, buf: &mut [u8], f: &mut dyn FnMut(&mut Rtc, Ev)) -> bool {
        let mut any = false;
        loop {
            match self.sock.recv_from(buf) {
                Ok((n, source)) => {
                    any = true;
                    if let Ok(contents) = buf[..n].try_into() {
                        let r = Receive { proto: Protocol::Udp, source, destination: self.addr, contents };
                        self.rtc.handle_input(Input::Receive(Instant::now(), r)).expect("receive");
                    }
                    self.poll(f);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return any,
                Err(e) => panic!("{e}"),
            }
        }
    }
}

/// Waits for a datagram to one of the peers or the first deadline.
fn wait(peers: &[Peer]) {
    let next = peers.iter().map(|p| p.next).min().unwrap();
    let d = next.saturating_duration_since(Instant::now());
    let mut fds: Vec<libc::pollfd> = peers.iter().map(|p| libc::pollfd { fd: p.sock.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    let ts = libc::timespec { tv_sec: d.as_secs().min(1) as _, tv_nsec: d.subsec_nanos() as _ };
    unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as _, &ts, std::ptr::null()) };
}

/// One turn of the loop over all peers.
fn turn(peers: &mut [Peer], buf: &mut [u8], f: &mut dyn FnMut(usize, &mut Rtc, Ev)) {
    for (i, p) in peers.iter_mut().enumerate() {
        if !p.alive {
            continue;
        }
        p.drain(buf, &mut |r, e| f(i, r, e));
        let now = Instant::now();
        if p.next <= now {
            p.rtc.handle_input(Input::Timeout(now)).expect("timeout");
            p.poll(&mut |r, e| f(i, r, e));
        }
    }
}

fn offer_of(p: &mut Peer) -> (SdpOffer, str0m::change::SdpPendingOffer) {
    let mut api = p.rtc.sdp_api();
    api.add_channel("bench".into());
    api.apply().unwrap()
}

fn offerer(work: &str, size: usize, secs: f64) {
    let mut p = [Peer::new()];
    let mut buf = vec![0; 65536];
    let (o, pending) = offer_of(&mut p[0]);
    out(json!({"sdp": {"type": "offer", "sdp": o.to_sdp_string()}}));
    let a = SdpAnswer::from_sdp_string(read_line()["sdp"]["sdp"].as_str().unwrap()).unwrap();
    p[0].rtc.sdp_api().accept_answer(pending, a).unwrap();
    let mut ch = None;
    p[0].poll(&mut |_, _| {});
    while ch.is_none() {
        turn(&mut p, &mut buf, &mut |_, _, e| {
            if let Ev::Open(id) = e {
                ch = Some(id)
            }
        });
        if ch.is_none() {
            wait(&p);
        }
    }
    let ch = ch.unwrap();
    let msg = vec![0u8; size];
    let mut done = false;
    if work == "rtt" {
        let n = secs as usize;
        let mut lat = Vec::with_capacity(n);
        let mut c0 = cpu();
        for i in 0..n + 200 {
            if i == 200 {
                c0 = cpu();
            }
            let t = Instant::now();
            assert!(p[0].rtc.channel(ch).unwrap().write(true, &msg).unwrap());
            let mut pong = false;
            p[0].poll(&mut |_, e| pong |= matches!(e, Ev::Data(_)));
            while !pong {
                wait(&p);
                turn(&mut p, &mut buf, &mut |_, _, e| pong |= matches!(e, Ev::Data(_)));
            }
            if i >= 200 {
                lat.push(t.elapsed().as_nanos() as f64 / 1e3);
            }
        }
        let c = cpu() - c0;
        assert!(p[0].rtc.channel(ch).unwrap().write(false, b"END").unwrap());
        p[0].poll(&mut |_, _| {});
        while !done {
            wait(&p);
            turn(&mut p, &mut buf, &mut |_, _, e| done |= matches!(e, Ev::Data(_)));
        }
        lat.sort_by(f64::total_cmp);
        out(json!({"result": {"p50_us": lat[n / 2], "p99_us": lat[n * 99 / 100], "cpu_s": c, "n": n}}));
        return;
    }
    p[0].rtc.channel(ch).unwrap().set_buffered_amount_low_threshold(LO);
    let (c0, t0, mut n, mut ended) = (cpu(), Instant::now(), 0u64, false);
    while !done {
        if !ended && t0.elapsed().as_secs_f64() >= secs {
            ended = p[0].rtc.channel(ch).unwrap().write(false, b"END").unwrap();
            p[0].poll(&mut |_, _| {});
        } else if !ended {
            let mut c = p[0].rtc.channel(ch).unwrap();
            // Writes until str0m refuses (its own limit, 128 KiB unless STR0M_BUF says otherwise) or HI.
            let mut k = 0;
            while c.buffered_amount() < HI && c.write(true, &msg).unwrap() {
                n += 1;
                k += 1;
                if k >= 256 {
                    break;
                }
            }
            if k > 0 {
                p[0].poll(&mut |_, e| done |= matches!(e, Ev::Data(_)));
                if k >= 256 {
                    turn(&mut p, &mut buf, &mut |_, _, e| done |= matches!(e, Ev::Data(_)));
                    continue;
                }
            }
        }
        wait(&p);
        turn(&mut p, &mut buf, &mut |_, _, e| done |= matches!(e, Ev::Data(_)));
    }
    out(json!({"result": {"sent": n, "cpu_s": cpu() - c0}}));
}

fn answerer(work: &str) {
    let mut p = [Peer::new()];
    let mut buf = vec![0; 65536];
    let o = SdpOffer::from_sdp_string(read_line()["sdp"]["sdp"].as_str().unwrap()).unwrap();
    let a = p[0].rtc.sdp_api().accept_offer(o).unwrap();
    out(json!({"sdp": {"type": "answer", "sdp": a.to_sdp_string()}}));
    let (mut n, mut bytes, mut t0, mut c0) = (0u64, 0u64, Instant::now(), 0.0);
    let mut fin: Option<Instant> = None;
    let echo = work == "rtt";
    p[0].poll(&mut |_, _| {});
    loop {
        turn(&mut p, &mut buf, &mut |_, rtc, e| {
            if let Ev::Data(d) = e {
                if !d.binary {
                    out(json!({"result": {"received": n, "bytes": bytes, "secs": t0.elapsed().as_secs_f64(), "cpu_s": cpu() - c0}}));
                    assert!(rtc.channel(d.id).unwrap().write(false, b"DONE").unwrap());
                    fin = Some(Instant::now());
                    return;
                }
                if n == 0 {
                    t0 = Instant::now();
                    c0 = cpu();
                }
                n += 1;
                bytes += d.data.len() as u64;
                if echo {
                    assert!(rtc.channel(d.id).unwrap().write(true, &d.data).unwrap());
                }
            }
        });
        p[0].poll(&mut |_, _| {});
        if fin.is_some_and(|f| f.elapsed() > Duration::from_millis(500)) {
            return;
        }
        wait(&p);
    }
}

fn pair(buf: &mut [u8]) -> [Peer; 2] {
    let mut p = [Peer::new(), Peer::new()];
    let (o, pending) = offer_of(&mut p[0]);
    let o = SdpOffer::from_sdp_string(&o.to_sdp_string()).unwrap();
    let a = p[1].rtc.sdp_api().accept_offer(o).unwrap();
    let a = SdpAnswer::from_sdp_string(&a.to_sdp_string()).unwrap();
    p[0].rtc.sdp_api().accept_answer(pending, a).unwrap();
    let mut open = [false; 2];
    for x in &mut p {
        x.poll(&mut |_, _| {});
    }
    loop {
        turn(&mut p, buf, &mut |i, _, e| open[i] |= matches!(e, Ev::Open(_)));
        if open == [true; 2] {
            return p;
        }
        wait(&p);
    }
}

fn setup(n: usize) {
    let mut buf = vec![0; 65536];
    let (mut ms, mut cs) = (vec![], vec![]);
    for _ in 0..n {
        let (c, t) = (cpu(), Instant::now());
        let _p = pair(&mut buf);
        ms.push(t.elapsed().as_secs_f64() * 1e3);
        cs.push((cpu() - c) * 1e3);
    }
    out(json!({"result": {"ms": ms, "cpu_ms": cs}}));
}

fn idle(n: usize) {
    let mut buf = vec![0; 65536];
    drop(pair(&mut buf));
    let r0 = rss_kib();
    let mut all: Vec<Peer> = vec![];
    for _ in 0..n {
        all.extend(pair(&mut buf));
        turn(&mut all, &mut buf, &mut |_, _, _| {});
    }
    let t = Instant::now();
    while t.elapsed() < Duration::from_secs(1) {
        wait(&all);
        turn(&mut all, &mut buf, &mut |_, _, _| {});
    }
    out(json!({"result": {"pairs": n, "kib_per_pc": (rss_kib() - r0) as f64 / (2 * n) as f64}}));
}

fn main() {
    str0m::crypto::from_feature_flags().install_process_default();
    let a: Vec<String> = std::env::args().collect();
    let num = |i: usize| a[i].parse::<f64>().unwrap();
    match (a[1].as_str(), a[2].as_str()) {
        ("offer", "bulk" | "rtt") => offerer(&a[2], num(3) as usize, num(4)),
        ("answer", "bulk" | "rtt") => answerer(&a[2]),
        ("local", "setup") => setup(num(3) as usize),
        ("local", "idle") => idle(num(3) as usize),
        _ => panic!("usage"),
    }
}
