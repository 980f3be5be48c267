package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// stateless is the first version of MCP without a session.
const stateless = "2026-07-28"

// session speaks as much of MCP as the scenarios ask for.
type session struct {
	hc      *http.Client
	api     string
	version string
	id      string // of the session; empty: none
	next    int
}

// converse begins a session, lists the tools, and calls one of them, twice.
func converse(ctx context.Context, hc *http.Client, api, version string) error {
	s := &session{hc: hc, api: api, version: version}
	if version < stateless {
		hello := map[string]any{
			"protocolVersion": version, "capabilities": map[string]any{},
			"clientInfo": map[string]any{"name": "conformance", "version": "1.0.0"},
		}
		if err := s.call(ctx, "initialize", hello, true); err != nil {
			return err
		}
		if err := s.call(ctx, "notifications/initialized", nil, false); err != nil {
			return err
		}
	}
	if err := s.call(ctx, "tools/list", map[string]any{}, true); err != nil {
		return err
	}
	for range 2 {
		tool := map[string]any{"name": "test-tool", "arguments": map[string]any{}}
		if err := s.call(ctx, "tools/call", tool, true); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) call(ctx context.Context, method string, params map[string]any, answered bool) error {
	message := map[string]any{"jsonrpc": "2.0", "method": method}
	if s.version >= stateless {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    s.version,
			"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "conformance", "version": "1.0.0"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	if params != nil {
		message["params"] = params
	}
	if answered {
		s.next++
		message["id"] = s.next
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if method != "initialize" {
		req.Header.Set("MCP-Protocol-Version", s.version)
	}
	if s.version >= stateless {
		req.Header.Set("Mcp-Method", method)
		if name, ok := params["name"].(string); ok {
			req.Header.Set("Mcp-Name", name)
		}
	}
	if s.id != "" {
		req.Header.Set("Mcp-Session-Id", s.id)
	}
	res, err := s.hc.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if id := res.Header.Get("Mcp-Session-Id"); id != "" {
		s.id = id
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", method, res.Status)
	}
	return nil
}
