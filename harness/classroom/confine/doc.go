// Package confine starts a program that is not trusted so that it can compute, read
// its own folder and the machine's libraries, and write to the pipes it was given,
// and nothing else. It needs no privileges and no container.
//
// On Linux a program that links this package starts itself once more, under another
// name, and that process gives up what it has before it becomes the program:
//
//   - all capabilities, and by no_new_privs the way to any (uid and files stay those
//     of the user, for a student's Python may lie in a home);
//   - by seccomp: sockets, other processes (no fork, so no fork bomb, and signals to
//     itself only), files opened for writing or changed, mounts, tracing, keys, BPF,
//     io_uring;
//   - by Landlock, where the kernel has it: files other than those named;
//   - by rlimits: processor time, data, size of files, core dumps, open files.
//
// What a machine cannot enforce Lacks says, for the report: on other systems that is
// all of it.
package confine
