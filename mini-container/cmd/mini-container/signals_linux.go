package main

import (
	"os"
	"os/signal"
)

// signals are those that have come for the command.
type signals struct {
	queue     chan os.Signal
	listening chan struct{} // closed once none is missed any more
}

// listen begins to catch signals, and returns at once: for each one threads
// have to talk with each other, and there is enough to do meanwhile.
func listen() *signals {
	s := &signals{queue: make(chan os.Signal, 16), listening: make(chan struct{})}
	go func() {
		signal.Notify(s.queue, forwarded...)
		close(s.listening)
	}()
	return s
}
