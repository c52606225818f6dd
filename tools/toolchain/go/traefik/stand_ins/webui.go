// Package webui stands for Traefik's web page, which its module embeds and does not carry.
package webui

import "embed"

// FS is empty.
var FS embed.FS
