// Two peers in one process, in C++ over the C headers: one sends a greeting over a data channel, the other prints it.
//
// SPDX-License-Identifier: BSD-3-Clause
//
// What C++ makes of the library: objects that free themselves, errors that are thrown, and handlers. All of it is here,
// to be copied.
#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

int check(int code) {
  if (code < 0) throw std::runtime_error(prtc_strerror(code));
  return code;
}

class Loop {
 public:
  using Handler = std::function<void(const prtc_event &)>;

  Loop() : driver_(prtc_driver_new(nullptr), prtc_driver_free) {
    if (!driver_) throw std::runtime_error(std::strerror(errno));
  }

  prtc_endpoint *endpoint() { return prtc_driver_endpoint(driver_.get()); }
  prtc_time now() const { return prtc_driver_now(driver_.get()); }
  void stop() { running_ = false; }
  void on(prtc_peer_id peer, Handler handler) { handlers_[peer] = std::move(handler); }
  void forget(prtc_peer_id peer) { handlers_.erase(peer); }

  void run() {
    while (running_) {
      prtc_event event;
      while (check(prtc_driver_flush(driver_.get())), running_ && prtc_endpoint_event(endpoint(), &event, 1) > 0) {
        if (event.type == PRTC_EVENT_ENDPOINT_FAILED) check(event.code);
        // an event of a peer that is gone has no handler; the copy outlives a handler that forgets itself
        if (auto found = handlers_.find(event.peer); found != handlers_.end()) Handler(found->second)(event);
      }
      if (running_) check(prtc_driver_wait(driver_.get(), PRTC_NEVER));
      if (running_) check(prtc_driver_process(driver_.get()));
    }
  }

 private:
  std::unique_ptr<prtc_driver, decltype(&prtc_driver_free)> driver_;
  std::map<prtc_peer_id, Handler> handlers_;
  bool running_ = true;
};

class Peer {
 public:
  explicit Peer(Loop &loop) : loop_(loop) {
    prtc_peer_config config;
    PRTC_INIT(&config);
    check(prtc_peer_new(loop.endpoint(), loop.now(), &config, &peer_));
  }
  ~Peer() {
    loop_.forget(prtc_peer_get_id(peer_));
    prtc_peer_free(peer_);
  }
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;

  void on_event(Loop::Handler handler) { loop_.on(prtc_peer_get_id(peer_), std::move(handler)); }

  prtc_channel_id create_data_channel(std::string_view label) {
    prtc_channel_config config;
    prtc_channel_id channel;
    PRTC_INIT(&config);
    prtc_channel_config_init(&config);
    config.label = label.data();
    config.label_size = label.size();
    check(prtc_peer_create_data_channel(peer_, loop_.now(), &config, &channel));
    return channel;
  }

  void send(prtc_channel_id channel, std::string_view text) {
    check(prtc_peer_send(peer_, loop_.now(), channel, PRTC_MESSAGE_TEXT, reinterpret_cast<const uint8_t *>(text.data()),
                         text.size()));
  }

  std::string set_local_description(prtc_sdp_type type) {
    std::string sdp(65536, '\0');
    check(prtc_peer_set_local_description(peer_, loop_.now(), type, nullptr, 0));
    int size = check(prtc_peer_get_description(peer_, PRTC_DESCRIPTION_LOCAL, &type, sdp.data(), sdp.size()));
    sdp.resize(static_cast<size_t>(size));
    return sdp;
  }

  void set_remote_description(prtc_sdp_type type, const std::string &sdp) {
    check(prtc_peer_set_remote_description(peer_, loop_.now(), type, sdp.data(), sdp.size()));
  }

  void add_ice_candidate(const prtc_event &found) {
    check(prtc_peer_add_ice_candidate(peer_, loop_.now(), found.text, found.mid, -1, found.ufrag));
  }

 private:
  Loop &loop_;
  prtc_peer *peer_ = nullptr;
};

void hello() {
  Loop loop;
  Peer alice(loop), bob(loop);
  const prtc_channel_id chat = alice.create_data_channel("chat");

  alice.on_event([&](const prtc_event &event) {
    if (event.type == PRTC_EVENT_ICE_CANDIDATE && event.text != nullptr) bob.add_ice_candidate(event);
    if (event.type == PRTC_EVENT_CHANNEL_OPEN) alice.send(chat, "hello");
  });
  bob.on_event([&](const prtc_event &event) {
    if (event.type == PRTC_EVENT_ICE_CANDIDATE && event.text != nullptr) alice.add_ice_candidate(event);
    if (event.type != PRTC_EVENT_CHANNEL_MESSAGE) return;
    std::cout << "bob received: " << std::string_view(reinterpret_cast<const char *>(event.data), event.size) << std::endl;
    loop.stop();
  });

  bob.set_remote_description(PRTC_SDP_OFFER, alice.set_local_description(PRTC_SDP_OFFER));
  alice.set_remote_description(PRTC_SDP_ANSWER, bob.set_local_description(PRTC_SDP_ANSWER));
  loop.run();
}

}  // namespace

int main() {
  try {
    hello();
  } catch (const std::exception &error) {
    std::cerr << "hello: " << error.what() << std::endl;
    return 1;
  }
}
