package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Values of the flags of token create.
const (
	programBootctl            = "bootctl"
	programKubeadm            = "kubeadm"
	dryRunClient              = "client"
	dryRunServer              = "server"
	formatBootstrapKubeconfig = "bootstrap-kubeconfig"
)

// needsDocument says whether what is to be printed or waited for comes of
// cluster-info.
func (o createOptions) needsDocument(format string) bool {
	return o.joinCommand != "" || o.wait || format == formatBootstrapKubeconfig
}

// tokenCreator makes tokens that one spec describes.
type tokenCreator struct {
	env    *cli.Env
	client *kubeclient.Client
	spec   token.Spec
	random bool
}

// make creates n tokens and returns those that were made, and why others were not.
func (m tokenCreator) make(ctx context.Context, n int, dryRun string) ([]token.Info, error) {
	infos, failed := make([]token.Info, n), &failure.BulkError{Total: n}
	errs := make([]error, n)
	m.env.Concurrently(ctx, "created", n, func(ctx context.Context, i int) {
		if errs[i] = ctx.Err(); errs[i] == nil {
			infos[i], errs[i] = m.one(ctx, dryRun)
		}
	})
	created := infos[:0]
	for i, err := range errs {
		if err == nil {
			created = append(created, infos[i])
		} else {
			failed.Errs = append(failed.Errs, err)
		}
	}
	return created, m.env.ReportFailures(failed)
}

func (m tokenCreator) one(ctx context.Context, dryRun string) (token.Info, error) {
	var secrets corev1client.SecretsGetter
	switch dryRun {
	case dryRunClient:
		spec := m.spec
		var err error
		if m.random {
			spec.Token, err = token.Generate(m.env.Random)
		}
		return token.Read(spec.Secret()), err
	case dryRunServer:
		secrets = dryRunSecrets{m.client.Core}
	default:
		secrets = m.client.Core
	}
	if m.random {
		return token.CreateRandom(ctx, secrets, m.spec, m.env.Random)
	}
	return token.Create(ctx, secrets, m.spec)
}

// rollback deletes tokens that nobody has seen.
func (m tokenCreator) rollback(ctx context.Context, created []token.Info) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	errs := make([]error, len(created))
	m.env.Concurrently(ctx, "deleted again", len(created), func(ctx context.Context, i int) {
		if errs[i] = token.Delete(ctx, m.client.Core, created[i]); errors.Is(errs[i], token.ErrNotFound) {
			errs[i] = nil
		}
	})
	for i, err := range errs {
		if err != nil { // its own exit code would hide that of the failure
			return fmt.Errorf("token %s is still there: %s", created[i].ID, err.Error())
		}
	}
	return nil
}

// dryRunSecrets lets the API server check what it is asked to create, and store
// nothing.
type dryRunSecrets struct{ corev1client.SecretsGetter }

func (d dryRunSecrets) Secrets(namespace string) corev1client.SecretInterface {
	return dryRunSecret{d.SecretsGetter.Secrets(namespace)}
}

type dryRunSecret struct{ corev1client.SecretInterface }

// Get finds nothing: a dry run makes nothing to look after.
func (d dryRunSecret) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
}

func (d dryRunSecret) Create(ctx context.Context, secret *corev1.Secret, opts metav1.CreateOptions) (*corev1.Secret, error) {
	opts.DryRun = []string{metav1.DryRunAll}
	return d.SecretInterface.Create(ctx, secret, opts)
}

// joinCommand is the command line that joins a node with the token.
func joinCommand(program string, document clusterinfo.Document, tok token.Token) string {
	parts := []string{"bootctl join", string(document.Server), "--token", tok.Reveal()}
	flag, end := "--ca-cert-hash", ""
	if program == programKubeadm {
		parts[0], flag, end = "kubeadm join", "--discovery-token-ca-cert-hash", " " // kubeadm's own line ends so
	}
	for _, pin := range clusterinfo.Pins(document.CAs) {
		parts = append(parts, fmt.Sprintf("%s %s", flag, pin))
	}
	return strings.Join(parts, " ") + end
}
