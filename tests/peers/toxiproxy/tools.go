//go:build tools

// Package tools pins Toxiproxy, which tests/peers/install builds.
package tools

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
