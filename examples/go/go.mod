module polyrtc.dev/examples

go 1.19

require polyrtc.dev/polyrtc v0.0.0

replace polyrtc.dev/polyrtc => ../../go
