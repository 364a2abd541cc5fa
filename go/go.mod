module polyrtc.dev/polyrtc

go 1.19
