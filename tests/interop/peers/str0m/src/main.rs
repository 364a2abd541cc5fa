//! A peer (../../../README.md) over str0m, which has no sockets: one of UDP on loopback, and poll(2).
//!
//! SPDX-License-Identifier: BSD-3-Clause
use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Write, stdout};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

/// Bytes that may wait to be sent. What str0m has without being told, 128 KiB, is less than one message of ours.
const MOST_BUFFERED: usize = 1 << 20;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn tell(line: Value) {
    let mut output = stdout().lock();
    writeln!(output, "{line}").expect("the test reads what a peer says");
    output.flush().expect("the test reads what a peer says");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn message(number: u64, text: bool, size: usize) -> Vec<u8> {
    let digest = Sha256::digest(number.to_string()).to_vec();
    let unit = if text { hex(&digest).into_bytes() } else { digest };
    unit.iter().copied().cycle().take(size).collect()
}

/// A `send` that waits for room.
struct Sending {
    n: Value,
    label: String,
    text: bool,
    numbers: std::ops::Range<u64>,
    size: usize,
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    deadline: Instant,
    trickle: bool,
    trickled: bool,
    ended: bool,
    /// Created before there is a connection to create them in.
    early: Vec<ChannelConfig>,
    pending: Option<SdpPendingOffer>,
    channels: HashMap<String, ChannelId>,
    labels: HashMap<ChannelId, String>,
    made_here: Vec<ChannelId>,
    sending: VecDeque<Sending>,
}

impl Peer {
    fn new(trickle: bool) -> Result<Peer> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc = Rtc::builder().set_sctp_max_buffered_amount(MOST_BUFFERED).build(Instant::now());
        if !trickle {
            rtc.add_local_candidate(Candidate::host(address, "udp")?);
        }
        Ok(Peer {
            rtc,
            socket,
            address,
            deadline: Instant::now(),
            trickle,
            trickled: false,
            ended: false,
            early: vec![],
            pending: None,
            channels: HashMap::new(),
            labels: HashMap::new(),
            made_here: vec![],
            sending: VecDeque::new(),
        })
    }

    fn remember(&mut self, label: String, id: ChannelId) {
        self.channels.insert(label.clone(), id);
        self.labels.insert(id, label);
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => tell(json!({"event": "state", "state": "connected"})),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                tell(json!({"event": "state", "state": "disconnected"}));
            }
            Event::ChannelOpen(id, label) => {
                // one that was negotiated is named by this side alone
                let label = self.labels.get(&id).cloned().unwrap_or(label);
                self.remember(label.clone(), id);
                tell(json!({"event": "open", "label": label, "announced": !self.made_here.contains(&id)}));
            }
            Event::ChannelData(data) => {
                let kind = if data.binary { "binary" } else { "text" };
                let hash = hex(&Sha256::digest(&data.data));
                let label = &self.labels[&data.id];
                tell(json!({"event": "message", "label": label, "kind": kind, "size": data.data.len(), "sha256": hash}));
            }
            Event::ChannelClose(id) => tell(json!({"event": "closed", "label": self.labels[&id]})),
            _ => {}
        }
    }

    /// Takes from the library all that it has to send and to tell.
    fn poll(&mut self) -> Result<()> {
        while self.rtc.is_alive() {
            match self.rtc.poll_output()? {
                Output::Transmit(datagram) => {
                    // lost when the socket has no room: it is UDP
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(event) => self.on_event(event),
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    return Ok(());
                }
            }
        }
        if !self.ended {
            self.ended = true;
            tell(json!({"event": "state", "state": "closed"}));
        }
        Ok(())
    }

    /// One turn: what has come, what the clock asks for, what waits to be sent.
    fn turn(&mut self) -> Result<()> {
        let mut buffer = [0; 65536];
        while self.rtc.is_alive() {
            match self.socket.recv_from(&mut buffer) {
                Ok((size, source)) => {
                    if let Ok(contents) = buffer[..size].try_into() {
                        let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
                        self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
                    }
                    self.poll()?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        while self.rtc.is_alive() && self.deadline <= Instant::now() {
            self.rtc.handle_input(Input::Timeout(Instant::now()))?;
            self.poll()?;
        }
        for _ in 0..self.sending.len() {
            let mut sending = self.sending.pop_front().expect("counted");
            match self.send_on(&mut sending) {
                Ok(true) => tell(json!({"n": sending.n, "result": {}})),
                Ok(false) => self.sending.push_back(sending),
                Err(error) => tell(json!({"n": sending.n, "error": error.to_string()})),
            }
        }
        Ok(())
    }

    fn send_on(&mut self, sending: &mut Sending) -> Result<bool> {
        while !sending.numbers.is_empty() {
            let data = message(sending.numbers.start, sending.text, sending.size);
            if !self.write(&sending.label, !sending.text, &data)? {
                return Ok(false);
            }
            sending.numbers.start += 1;
        }
        Ok(true)
    }

    fn write(&mut self, label: &str, binary: bool, data: &[u8]) -> Result<bool> {
        let id = *self.channels.get(label).ok_or("there is no such channel")?;
        let taken = self.rtc.channel(id).ok_or("the channel is not open")?.write(binary, data)?;
        self.poll()?;
        Ok(taken)
    }

    fn channel(&mut self, request: &Value) {
        let number = |name: &str| request[name].as_u64().map(|value| value as u16);
        let config = ChannelConfig {
            label: request["label"].as_str().unwrap_or_default().into(),
            ordered: request["ordered"].as_bool().unwrap_or(true),
            reliability: match (number("maxPacketLifeTime"), number("maxRetransmits")) {
                (Some(lifetime), _) => Reliability::MaxPacketLifetime { lifetime },
                (None, Some(retransmits)) => Reliability::MaxRetransmits { retransmits },
                (None, None) => Reliability::Reliable,
            },
            negotiated: number("id").filter(|_| request["negotiated"] == true),
            protocol: request["protocol"].as_str().unwrap_or_default().into(),
        };
        if self.rtc.is_connected() { self.create(config) } else { self.early.push(config) }
    }

    fn create(&mut self, config: ChannelConfig) {
        let label = config.label.clone();
        let id = self.rtc.direct_api().create_data_channel(config);
        self.made_here.push(id);
        self.remember(label, id);
    }

    fn offer(&mut self, restart: bool) -> Result<Value> {
        let early = std::mem::take(&mut self.early);
        let mut changes = self.rtc.sdp_api();
        if restart {
            changes.ice_restart(true);
        }
        let mut made = vec![];
        for config in early {
            made.push((config.label.clone(), changes.add_channel_with_config(config)));
        }
        let (offer, pending) = changes.apply().ok_or("there is nothing to negotiate")?;
        self.pending = Some(pending);
        for (label, id) in made {
            self.made_here.push(id);
            self.remember(label, id);
        }
        Ok(json!({"type": "offer", "sdp": offer.to_sdp_string()}))
    }

    fn answer(&mut self, sdp: &str) -> Result<Value> {
        let answer = self.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(sdp)?)?;
        for config in std::mem::take(&mut self.early) {
            self.create(config);
        }
        Ok(json!({"type": "answer", "sdp": answer.to_sdp_string()}))
    }

    /// After the description that had no candidates.
    fn trickle(&mut self) -> Result<()> {
        if self.trickle && !self.trickled {
            self.trickled = true;
            let candidate = Candidate::host(self.address, "udp")?;
            let line = candidate.to_sdp_string();
            self.rtc.add_local_candidate(candidate);
            tell(json!({"event": "candidate", "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}));
            tell(json!({"event": "candidate", "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}));
        }
        Ok(())
    }

    fn info(&mut self, label: &str) -> Result<Value> {
        let id = *self.channels.get(label).ok_or("there is no such channel")?;
        let stream = self.rtc.direct_api().sctp_stream_id_by_channel_id(id);
        let channel = self.rtc.channel(id).ok_or("the channel is not open")?;
        let config = channel.config().ok_or("it has no parameters")?;
        let (retransmits, lifetime) = match config.reliability {
            Reliability::Reliable => (None, None),
            Reliability::MaxPacketLifetime { lifetime } => (None, Some(lifetime)),
            Reliability::MaxRetransmits { retransmits } => (Some(retransmits), None),
        };
        Ok(json!({
            "id": stream, "ordered": config.ordered, "maxRetransmits": retransmits, "maxPacketLifeTime": lifetime,
            "protocol": config.protocol,
        }))
    }

    /// The result; nothing when it comes later.
    fn perform(&mut self, request: &Value) -> Result<Option<Value>> {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let mut result = json!({});
        match text("do") {
            "channel" => self.channel(request),
            "offer" => result = self.offer(request["restart"] == true)?,
            "answer" => result = self.answer(text("sdp"))?,
            "accept" => {
                let pending = self.pending.take().ok_or("there was no offer")?;
                self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(text("sdp"))?)?;
            }
            "candidate" if text("candidate").is_empty() => {}
            "candidate" => self.rtc.add_remote_candidate(Candidate::from_sdp_string(text("candidate"))?),
            "send" => {
                let label = text("label").to_string();
                if request["text"].is_string() {
                    if !self.write(&label, false, text("text").as_bytes())? {
                        return Err("there is no room".into());
                    }
                } else {
                    let number = |name: &str| request[name].as_u64().unwrap_or_default();
                    self.sending.push_back(Sending {
                        n: request["n"].clone(),
                        label,
                        text: text("kind") == "text",
                        numbers: number("first")..number("first") + number("count"),
                        size: number("size") as usize,
                    });
                    return Ok(None);
                }
            }
            "info" => result = self.info(text("label"))?,
            "close_channel" => {
                let id = *self.channels.get(text("label")).ok_or("there is no such channel")?;
                self.rtc.direct_api().close_data_channel(id);
            }
            "close" => self.rtc.close()?,
            other => return Err(format!("there is no request {other}").into()),
        }
        Ok(Some(result))
    }
}

/// A line of stdin is a request.
fn serve(peer: &mut Option<Peer>, line: &[u8]) -> Result<()> {
    let request: Value = serde_json::from_slice(line)?;
    if request["do"] == "open" {
        *peer = Some(Peer::new(request["trickle"] == true)?);
        tell(json!({"n": request["n"], "result": {}}));
        return Ok(());
    }
    let peer = peer.as_mut().ok_or("open comes first")?;
    match peer.perform(&request) {
        Ok(Some(result)) => tell(json!({"n": request["n"], "result": result})),
        Ok(None) => {}
        Err(error) => tell(json!({"n": request["n"], "error": error.to_string()})),
    }
    if request["do"] == "offer" || request["do"] == "answer" {
        peer.trickle()?;
    }
    peer.poll()
}

/// Waits for stdin, the socket or the deadline; true when stdin has something.
fn wait(peer: &Option<Peer>) -> bool {
    let readable = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut waited = vec![readable(0)];
    let mut timeout = -1;
    if let Some(peer) = peer.as_ref().filter(|peer| peer.rtc.is_alive()) {
        waited.push(readable(peer.socket.as_raw_fd()));
        let left = peer.deadline.saturating_duration_since(Instant::now()).min(Duration::from_secs(60));
        timeout = left.as_millis() as i32 + i32::from(!left.is_zero());
    }
    // SAFETY: the array lives for the call and holds as many as are said.
    unsafe { libc::poll(waited.as_mut_ptr(), waited.len() as libc::nfds_t, timeout) };
    waited[0].revents != 0
}

fn main() -> Result<()> {
    str0m::crypto::from_feature_flags().install_process_default();
    let mut peer = None;
    let (mut input, mut chunk) = (vec![], [0u8; 65536]);
    loop {
        if wait(&peer) {
            // SAFETY: the array is as large as is said.
            let size = unsafe { libc::read(0, chunk.as_mut_ptr().cast(), chunk.len()) };
            if size <= 0 {
                return Ok(());
            }
            input.extend_from_slice(&chunk[..size as usize]);
            while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = input.drain(..=end).collect();
                serve(&mut peer, &line)?;
            }
        }
        if let Some(peer) = &mut peer {
            peer.turn()?;
        }
    }
}
