//! webrtc-rs on Tokio as a peer of the benchmarks. ../README.md has what is asked of a peer.
//!
//! SPDX-License-Identifier: BSD-3-Clause
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};
use webrtc::peer_connection::*;

const WARM_UP: usize = 200;

type Channel = Arc<dyn DataChannel>;

fn say(line: Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("stdout");
}

/// The description in the next line of the other side.
async fn hear() -> RTCSessionDescription {
    let read = || -> Value {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("stdin");
        serde_json::from_str(&line).expect("a line of JSON")
    };
    let mut line = tokio::task::spawn_blocking(read).await.expect("a line");
    serde_json::from_value(line["sdp"].take()).expect("a description")
}

fn cpu() -> f64 {
    // SAFETY: getrusage fills the whole struct
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut used);
        used
    };
    let seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
    seconds as f64 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) as f64 / 1e6
}

fn resident_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    4.0 * text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("pages")
}

struct Told {
    gathered: UnboundedSender<()>,
    channels: UnboundedSender<Channel>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Told {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.send(());
        }
    }
    async fn on_data_channel(&self, channel: Channel) {
        let _ = self.channels.send(channel);
    }
}

struct Peer {
    connection: Arc<dyn PeerConnection>,
    gathered: UnboundedReceiver<()>,
    channels: UnboundedReceiver<Channel>,
}

impl Peer {
    async fn new() -> Peer {
        let (tell_gathered, gathered) = unbounded_channel();
        let (tell_channel, channels) = unbounded_channel();
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled) // there is no multicast on loopback
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_setting_engine(settings)
            .with_handler(Arc::new(Told { gathered: tell_gathered, channels: tell_channel }))
            .with_udp_addrs(vec!["127.0.0.1:0".to_string()])
            .build()
            .await
            .expect("a connection");
        Peer { connection: Arc::new(connection), gathered, channels }
    }

    async fn describe(&mut self, description: RTCSessionDescription) -> RTCSessionDescription {
        self.connection.set_local_description(description).await.expect("local description");
        self.gathered.recv().await;
        self.connection.local_description().await.expect("local description")
    }

    async fn offer(&mut self) -> RTCSessionDescription {
        let offer = self.connection.create_offer(None).await.expect("offer");
        self.describe(offer).await
    }

    async fn answer(&mut self, offer: RTCSessionDescription) -> RTCSessionDescription {
        self.connection.set_remote_description(offer).await.expect("remote description");
        let answer = self.connection.create_answer(None).await.expect("answer");
        self.describe(answer).await
    }

    async fn channel(&self) -> Channel {
        self.connection.create_data_channel("bench", None).await.expect("channel")
    }
}

async fn until_open(channel: &Channel) {
    while !matches!(channel.poll().await, Some(DataChannelEvent::OnOpen)) {}
}

async fn next_message(channel: &Channel) -> Option<RTCDataChannelMessage> {
    loop {
        match channel.poll().await? {
            DataChannelEvent::OnMessage(message) => return Some(message),
            _ => continue,
        }
    }
}

async fn until_text(channel: &Channel) {
    while next_message(channel).await.is_some_and(|message| !message.is_string) {}
}

async fn round_trips(channel: &Channel, message: BytesMut, count: usize) {
    let (mut times, mut used) = (Vec::with_capacity(count), 0.0);
    for i in 0..count + WARM_UP {
        if i == WARM_UP {
            used = cpu();
        }
        let began = Instant::now();
        channel.send(message.clone()).await.expect("send");
        next_message(channel).await;
        if i >= WARM_UP {
            times.push(began.elapsed().as_nanos() as f64 / 1e3);
        }
    }
    used = cpu() - used;
    channel.send_text("END").await.expect("send");
    until_text(channel).await;
    times.sort_by(f64::total_cmp);
    say(json!({"result": {"p50_us": times[count / 2], "p99_us": times[count * 99 / 100], "cpu_s": used, "n": count}}));
}

async fn bulk(channel: &Channel, message: BytesMut, seconds: f64) {
    let (used, began, mut sent) = (cpu(), Instant::now(), 0);
    while began.elapsed().as_secs_f64() < seconds {
        channel.send(message.clone()).await.expect("send"); // waits for room
        sent += 1;
    }
    channel.send_text("END").await.expect("send");
    until_text(channel).await;
    say(json!({"result": {"sent": sent, "cpu_s": cpu() - used}}));
}

async fn offer(work: &str, size: usize, amount: f64) {
    let mut peer = Peer::new().await;
    let channel = peer.channel().await;
    say(json!({"sdp": peer.offer().await}));
    peer.connection.set_remote_description(hear().await).await.expect("remote description");
    until_open(&channel).await;
    let message = BytesMut::zeroed(size);
    match work {
        "rtt" => round_trips(&channel, message, amount as usize).await,
        _ => bulk(&channel, message, amount).await,
    }
}

async fn answer(work: &str) {
    let mut peer = Peer::new().await;
    say(json!({"sdp": peer.answer(hear().await).await}));
    let channel = peer.channels.recv().await.expect("a channel");
    let (mut received, mut bytes, mut began, mut used) = (0, 0, Instant::now(), 0.0);
    while let Some(message) = next_message(&channel).await {
        if message.is_string {
            let seconds = began.elapsed().as_secs_f64();
            say(json!({"result": {"received": received, "bytes": bytes, "secs": seconds, "cpu_s": cpu() - used}}));
            channel.send_text("DONE").await.expect("send");
            break;
        }
        if received == 0 {
            (began, used) = (Instant::now(), cpu());
        }
        received += 1;
        bytes += message.data.len();
        if work == "rtt" {
            channel.send(message.data).await.expect("send");
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await; // DONE is on its way
}

/// Two connections in this process, until both ends of their channel are open.
async fn pair() -> (Peer, Peer, Channel, Channel) {
    let (mut ours, mut theirs) = (Peer::new().await, Peer::new().await);
    let here = ours.channel().await;
    let offer = ours.offer().await;
    let answer = theirs.answer(offer).await;
    ours.connection.set_remote_description(answer).await.expect("remote description");
    until_open(&here).await;
    let there = theirs.channels.recv().await.expect("a channel");
    until_open(&there).await;
    (ours, theirs, here, there)
}

async fn set_up(count: usize) {
    let (mut times, mut cpus) = (vec![], vec![]);
    for _ in 0..count {
        let (used, began) = (cpu(), Instant::now());
        let (ours, theirs, ..) = pair().await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        cpus.push((cpu() - used) * 1e3);
        ours.connection.close().await.expect("close");
        theirs.connection.close().await.expect("close");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    say(json!({"result": {"ms": times, "cpu_ms": cpus}}));
}

async fn idle(count: usize) {
    let first = pair().await;
    let before = resident_kib();
    let mut kept = vec![first];
    for _ in 0..count {
        kept.push(pair().await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    say(json!({"result": {"pairs": count, "kib_per_pc": (resident_kib() - before) / (2 * count) as f64}}));
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match arguments[..] {
        ["offer", work, size, amount] => offer(work, number(size) as usize, number(amount)).await,
        ["answer", work, ..] => answer(work).await,
        ["local", "setup", count] => set_up(number(count) as usize).await,
        ["local", "idle", count] => idle(number(count) as usize).await,
        _ => panic!("usage: offer|answer bulk|rtt SIZE SECONDS|COUNT, or local setup|idle COUNT"),
    }
    std::process::exit(0);
}
