package main

import (
	"context"
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
	e.addConnectionFlags(cmd)
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
	list := output.CertificateRequestList{Meta: output.Kind("CertificateRequestList"), Items: []output.CertificateRequest{}}
	err = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		list.Items = append(list.Items, certificateRequest(r))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(list.Items, func(a, b output.CertificateRequest) int {
		if a, b := isPending(a), isPending(b); a != b {
			if a {
				return -1
			}
			return 1
		}
		return b.Created.Compare(a.Created)
	})
	v := requestsView(list)
	if e.printsTable() {
		for _, item := range list.Items {
			v.rows = append(v.rows, csrRow(item, e.now()))
		}
	}
	return e.print(v)
}

func requestsView(list output.CertificateRequestList) view {
	v := view{
		object: list,
		header: []string{"NAME", "AGE", "SIGNER", "REQUESTER", "SUBJECT", "SANS", "KEY", "CONDITION"},
		wide:   []string{"UID", "FINGERPRINT", "USAGES", "GROUPS", "REASON", "MESSAGE"},
	}
	for _, item := range list.Items {
		v.names = append(v.names, csrResource.reference(item.Name))
	}
	return v
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
