// Package account finds out as whom a container's command is to run: from
// numbers, or from names in the container's own /etc/passwd and /etc/group.
//
// Nothing is guessed. What is neither a number nor a name that is listed is an
// error: a wrong guess runs the command as root (CVE-2026-30892).
package account
