// Package registrytest is a registry in memory, for tests of what speaks to
// registries.
//
//	r := registrytest.New()
//	s := httptest.NewServer(r)
//	r.AddImage("team/app", "1", registrytest.Image{Layers: [][]byte{layer}})
//
// It follows the OCI's distribution specification: blobs with ranges, uploads
// in one or several parts, mounts, manifests, tags in pages, referrers, and
// deleting. What is pushed is checked. It keeps count of what was asked for;
// faults are put in front of it, as another http.Handler.
package registrytest
