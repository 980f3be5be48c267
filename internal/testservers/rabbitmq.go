package testservers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RabbitMQ is a broker that takes nothing but tokens.
type RabbitMQ struct{ port string }

// rabbitmqServer is the program itself in Debian's package; that on the PATH
// is for root alone.
const rabbitmqServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// StartRabbitMQ starts a RabbitMQ that takes JWTs that ES256 has signed, whose
// audience is "rabbitmq", and closes a connection when its token ends. key is
// the public key, as PEM.
func StartRabbitMQ(tb testing.TB, key []byte) *RabbitMQ {
	tb.Helper()
	server, dir, names := rabbitmqServer, tb.TempDir(), FreePort(tb)
	if _, err := os.Stat(server); err != nil {
		server = Command(tb, "rabbitmq-server", "rabbitmq")
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	r := &RabbitMQ{port: FreePort(tb)}
	for name, text := range map[string]string{
		"key.pem": string(key),
		"plugins": "[rabbitmq_auth_backend_oauth2].",
		"rabbitmq.conf": "listeners.tcp.1 = " + r.Addr() + "\n" +
			"auth_backends.1 = rabbit_auth_backend_oauth2\nauth_oauth2.resource_server_id = rabbitmq\n" +
			"auth_oauth2.default_key = one\nauth_oauth2.signing_keys.one = " + in("key.pem") + "\n" +
			"auth_oauth2.algorithms.1 = ES256\nlog.console = true\nlog.file = false\n",
	} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	env := append(os.Environ(), "HOME="+dir, "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+names)
	// Erlang's directory of names, which would else be left behind.
	epmd := exec.CommandContext(context.Background(), Command(tb, "epmd", "rabbitmq"), "-d") //nolint:gosec // RabbitMQ
	epmd.Env = env
	Run(tb, epmd, "epmd running")

	cmd := exec.CommandContext(context.Background(), server) //nolint:gosec // rabbitmq-server
	cmd.Env = append(env,
		"RUNNING_UNDER_SYSTEMD=1", // no shell between it and us
		"RABBITMQ_NODENAME=test@localhost", "RABBITMQ_DIST_PORT="+FreePort(tb),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_CONFIG_FILE="+in("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+in("plugins"), "RABBITMQ_PID_FILE="+in("pid"),
		"RABBITMQ_GENERATED_CONFIG_DIR="+in("generated"), "RABBITMQ_MNESIA_BASE="+in("data"),
		"RABBITMQ_LOG_BASE="+in("log"))
	Run(tb, cmd, "Server startup complete")
	return r
}

// Addr is host:port.
func (r *RabbitMQ) Addr() string { return net.JoinHostPort("127.0.0.1", r.port) }

// URL is where clients connect to.
func (r *RabbitMQ) URL() string { return fmt.Sprintf("amqp://%s/", r.Addr()) }
