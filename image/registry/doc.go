// Package registry moves images between registries and a store.
//
//	client, err := registry.New(registry.Options{})
//	img, err := client.Pull(ctx, lease, ref, registry.PullOptions{})        // as docker pull
//	desc, err := client.Push(ctx, s, "app:1", ref, registry.PushOptions{})  // as docker push
//
// It speaks the OCI's distribution protocol, which is Docker's, too. Content
// goes straight into the store, where it is checked; of several programs that
// pull the same image at once, one fetches each blob and the others wait for
// it. A download that breaks goes on where it stopped, in a later program if
// need be.
//
// Registries are hostile. Manifests are limited in size, digests and sizes are
// checked, what is announced wrongly is an error, a registry that stands still
// is given up, and credentials are sent to nobody but the registry that they
// are for and to the token server that it names. Errors are an *[image.Error]
// with the image and, where it is about one, the layer; they match
// [image.ErrCorrupt], [image.ErrInvalid], [image.ErrTooLarge],
// [image.ErrMediaType], [image.ErrNotFound], [ErrUnauthorized] or [ErrDenied].
// An image gets its name when all of it is there and was checked.
package registry
