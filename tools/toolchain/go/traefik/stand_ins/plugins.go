// Package plugins stands for Traefik's, which holds an interpreter of Go and one of WebAssembly.
package plugins

import (
	"context"
	"errors"
	"net/http"

	"github.com/traefik/traefik/v3/pkg/provider"
)

var errLeftOut = errors.New("plugins are left out of this build")

// Descriptor says nothing, so that no plugin can be configured.
type Descriptor struct{}

// LocalDescriptor says nothing, so that no plugin can be configured.
type LocalDescriptor struct{}

// ClientOptions is what a Client is made of.
type ClientOptions struct{ Output string }

// Client would download plugins.
type Client struct{}

// NewClient refuses: it is asked for where a plugin is configured.
func NewClient(ClientOptions) (*Client, error) { return nil, errLeftOut }

// SetupRemotePlugins refuses.
func SetupRemotePlugins(*Client, map[string]Descriptor) error { return errLeftOut }

// SetupLocalPlugins refuses.
func SetupLocalPlugins(map[string]LocalDescriptor) error { return errLeftOut }

// Constructor makes a handler out of the one that follows.
type Constructor func(context.Context, http.Handler) (http.Handler, error)

// Builder has no plugin to build.
type Builder struct{}

// NewBuilder is asked for at every start, with nothing where no plugin is configured.
func NewBuilder(*Client, map[string]Descriptor, map[string]LocalDescriptor) (*Builder, error) {
	return &Builder{}, nil
}

// Build refuses.
func (Builder) Build(string, map[string]any, string) (Constructor, error) { return nil, errLeftOut }

// BuildProvider refuses.
func (Builder) BuildProvider(string, map[string]any) (provider.Provider, error) {
	return nil, errLeftOut
}
