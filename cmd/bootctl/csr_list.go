package main

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

func newCSRList(e *env) *cobra.Command {
	var o csrFilterOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List certificate signing requests",
		Long: `Lists certificate signing requests, the pending ones first and then the newest:
all, or those that all the given filters fit. -o wide adds the key's fingerprint,
and the reason and message of a denial or failure.

Needs list on certificatesigningrequests.`,
		Example: `  bootctl csr list --pending
  bootctl csr list --requester-group system:bootstrappers --older-than 10m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runCSRList(cmd.Context(), e, o)
		},
	}
	o.addFlags(cmd.Flags())
	e.completeFilter(cmd)
	return cmd
}

func runCSRList(ctx context.Context, e *env, o csrFilterOptions) error {
	filter, err := o.filter(e.now())
	if err != nil {
		return err
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	items := []output.CertificateRequest{}
	shared := interner{}
	err = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		items = append(items, shared.request(certificateRequest(r)))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(items, func(a, b output.CertificateRequest) int {
		if a, b := isPending(a), isPending(b); a != b {
			if a {
				return -1
			}
			return 1
		}
		return b.Created.Compare(a.Created)
	})
	list := output.CertificateRequestList{Meta: output.Kind("CertificateRequestList"), Items: []output.CertificateRequest{}}
	v := view{
		long:   &longList{empty: list, items: each(items)},
		header: []string{"NAME", "AGE", "SIGNER", "REQUESTER", "SUBJECT", "SANS", "KEY", "CONDITION"},
		wide:   []string{"UID", "FINGERPRINT", "USAGES", "GROUPS", "REASON", "MESSAGE"},
	}
	list.Items = items
	v.object = list
	v.rows = make([][]string, 0, len(items))
	for _, item := range items {
		v.names = append(v.names, item.Name)
		v.rows = append(v.rows, csrRow(item, e.now()))
	}
	return e.print(v)
}

func each[T any](list []T) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, item := range list {
			if !yield(item) {
				return
			}
		}
	}
}

// interner holds each list once: of many requests, most have the same groups and
// usages.
type interner map[string][]string

func (n interner) list(list []string) []string {
	key := strings.Join(list, "\x00")
	if _, ok := n[key]; !ok {
		n[key] = list
	}
	return n[key]
}

func (n interner) text(s string) string { return n.list([]string{s})[0] }

func (n interner) request(item output.CertificateRequest) output.CertificateRequest {
	for _, text := range []*string{&item.Signer, &item.Requester, &item.Key, &item.Reason, &item.Message} {
		*text = n.text(*text)
	}
	for _, list := range []*[]string{&item.Groups, &item.Usages, &item.Conditions} {
		*list = n.list(*list)
	}
	return item
}

func isPending(item output.CertificateRequest) bool {
	return slices.Contains(item.Conditions, csr.Pending)
}

func csrRow(item output.CertificateRequest, now time.Time) []string {
	subject := item.Subject
	if item.Problem != "" {
		subject = item.Problem
	}
	return []string{
		item.Name, lifetime(now.Sub(item.Created)), item.Signer, item.Requester, subject, strings.Join(item.SANs, ","),
		item.Key, strings.Join(item.Conditions, ","), item.UID, item.Fingerprint, strings.Join(item.Usages, ","),
		strings.Join(item.Groups, ","), item.Reason, item.Message,
	}
}

func certificateRequest(r csr.Request) output.CertificateRequest {
	out := output.CertificateRequest{
		Name:              r.Name,
		UID:               r.UID,
		Created:           r.Created.UTC(),
		Signer:            r.SignerName,
		Requester:         r.Username,
		Groups:            orEmpty(r.Groups),
		NodeName:          r.NodeName(),
		SANs:              orEmpty(r.SANs()),
		Usages:            orEmpty(r.Usages),
		ExpirationSeconds: r.ExpirationSeconds,
		Conditions:        r.Conditions,
		Reason:            r.Reason,
		Message:           r.Message,
		Problem:           r.Problem,
	}
	if r.PKCS10 != nil {
		out.Subject = r.Subject()
		out.Key = csr.KeyType(r.PKCS10.PublicKey)
		out.Fingerprint = csr.Fingerprint(r.PKCS10.PublicKey)
	}
	return out
}
