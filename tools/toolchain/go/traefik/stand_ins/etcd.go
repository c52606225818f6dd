// Package etcd stands for Traefik's, which reads what to serve from etcd.
package etcd

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

var errLeftOut = errors.New("the etcd provider is left out of this build")

// Provider refuses to start.
type Provider struct{}

// Init refuses.
func (*Provider) Init() error { return errLeftOut }

// Provide refuses.
func (*Provider) Provide(chan<- dynamic.Message, *safe.Pool) error { return errLeftOut }
