// Package passwd reads /etc/passwd and /etc/group as untrusted text and
// resolves what people write for a user: "uid", "uid:gid", "name",
// "name:group". It opens no file and asks no name service.
package passwd
