//go:build tools

// Package tools pins Traefik, which tests/peers/install builds.
package tools

import _ "github.com/traefik/traefik/v3/cmd/traefik"
