package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import java.util.List;

/**
 * Every system call of x86-64, in the order of its numbers (arch/x86/entry/syscalls/syscall_64.tbl): what handles it
 * and how complete it is. A call that pretends to succeed is a defect unless its line says what it does not do.
 * docs/syscalls.md is generated from here.
 */
final class SyscallTable {
    private SyscallTable() {}

    static List<Syscall> amd64() {
        TableBuilder t = new TableBuilder();
        t.full(0, "read", FileIoSyscalls::read);
        t.full(1, "write", FileIoSyscalls::write);
        t.partial(2, "open", FileOpenSyscalls::open, "O_TMPFILE gives EOPNOTSUPP; O_ASYNC and O_DIRECT have no effect");
        t.full(3, "close", FileOpenSyscalls::close);
        t.full(4, "stat", FileStatSyscalls::stat);
        t.full(5, "fstat", FileStatSyscalls::fstat);
        t.full(6, "lstat", FileStatSyscalls::lstat);
        t.full(7, "poll", FilePollSyscalls::poll);
        t.full(8, "lseek", FileIoSyscalls::lseek);
        t.partial(9, "mmap", Memory::mmap, "no huge pages (MAP_HUGETLB gives ENOMEM)");
        t.full(10, "mprotect", Memory::mprotect);
        t.full(11, "munmap", Memory::munmap);
        t.full(12, "brk", Memory::brk);
        t.full(13, "rt_sigaction", Signals::rt_sigaction);
        t.full(14, "rt_sigprocmask", Signals::rt_sigprocmask);
        t.control(15, "rt_sigreturn", Signals::rt_sigreturn);
        t.partial(
                16,
                "ioctl",
                FileControlSyscalls::ioctl,
                "what the file at hand knows, FIOCLEX, FIONCLEX, FIONBIO, FIONREAD; FIOASYNC sends no signals");
        t.full(17, "pread64", FileIoSyscalls::pread64);
        t.full(18, "pwrite64", FileIoSyscalls::pwrite64);
        t.full(19, "readv", FileIoSyscalls::readv);
        t.full(20, "writev", FileIoSyscalls::writev);
        t.full(21, "access", FileStatSyscalls::access);
        t.full(22, "pipe", FileOpenSyscalls::pipe);
        t.full(23, "select", FilePollSyscalls::select);
        t.full(24, "sched_yield", Scheduling::sched_yield);
        t.full(25, "mremap", Memory::mremap);
        t.partial(
                26, "msync", Memory::msync, "nothing has to be written back: a shared mapping is the file's own pages");
        t.partial(
                27,
                "mincore",
                Memory::mincore,
                "tells the pages that this process has mapped, not those in the page cache");
        t.partial(
                28,
                "madvise",
                Memory::madvise,
                "MADV_REMOVE gives EINVAL; huge page, merging and read-ahead hints have no effect; MADV_FREE frees at once");
        t.none(29, "shmget", Errno.ENOSYS);
        t.none(30, "shmat", Errno.ENOSYS);
        t.none(31, "shmctl", Errno.ENOSYS);
        t.full(32, "dup", FileOpenSyscalls::dup);
        t.full(33, "dup2", FileOpenSyscalls::dup2);
        t.full(34, "pause", Signals::pause);
        t.full(35, "nanosleep", Times::nanosleep);
        t.full(36, "getitimer", Times::getitimer);
        t.full(37, "alarm", Times::alarm);
        t.full(38, "setitimer", Times::setitimer);
        t.full(39, "getpid", Processes::getpid);
        t.full(40, "sendfile", FileIoSyscalls::sendfile);
        t.none(41, "socket", Errno.ENOSYS);
        t.none(42, "connect", Errno.ENOSYS);
        t.none(43, "accept", Errno.ENOSYS);
        t.none(44, "sendto", Errno.ENOSYS);
        t.none(45, "recvfrom", Errno.ENOSYS);
        t.none(46, "sendmsg", Errno.ENOSYS);
        t.none(47, "recvmsg", Errno.ENOSYS);
        t.none(48, "shutdown", Errno.ENOSYS);
        t.none(49, "bind", Errno.ENOSYS);
        t.none(50, "listen", Errno.ENOSYS);
        t.none(51, "getsockname", Errno.ENOSYS);
        t.none(52, "getpeername", Errno.ENOSYS);
        t.none(53, "socketpair", Errno.ENOSYS);
        t.none(54, "setsockopt", Errno.ENOSYS);
        t.none(55, "getsockopt", Errno.ENOSYS);
        t.partialControl(56, "clone", Processes::clone, "of the namespaces only UTS and PID; no pidfd");
        t.control(57, "fork", Processes::fork);
        t.control(58, "vfork", Processes::vfork);
        t.control(59, "execve", Processes::execve);
        t.control(60, "exit", Processes::exit);
        t.full(61, "wait4", Processes::wait4);
        t.full(62, "kill", Signals::kill);
        t.full(63, "uname", SystemInfo::uname);
        t.none(64, "semget", Errno.ENOSYS);
        t.none(65, "semop", Errno.ENOSYS);
        t.none(66, "semctl", Errno.ENOSYS);
        t.none(67, "shmdt", Errno.ENOSYS);
        t.none(68, "msgget", Errno.ENOSYS);
        t.none(69, "msgsnd", Errno.ENOSYS);
        t.none(70, "msgrcv", Errno.ENOSYS);
        t.none(71, "msgctl", Errno.ENOSYS);
        t.partial(
                72,
                "fcntl",
                FileControlSyscalls::fcntl,
                "no leases, seals, directory notification or signals of F_SETOWN; no deadlock detection of record locks");
        t.full(73, "flock", FileControlSyscalls::flock);
        t.full(74, "fsync", FileTreeSyscalls::fsync);
        t.full(75, "fdatasync", FileTreeSyscalls::fdatasync);
        t.full(76, "truncate", FileAttributeSyscalls::truncate);
        t.full(77, "ftruncate", FileAttributeSyscalls::ftruncate);
        t.full(78, "getdents", FileTreeSyscalls::getdents);
        t.full(79, "getcwd", FileTreeSyscalls::getcwd);
        t.full(80, "chdir", FileTreeSyscalls::chdir);
        t.full(81, "fchdir", FileTreeSyscalls::fchdir);
        t.full(82, "rename", FileTreeSyscalls::rename);
        t.full(83, "mkdir", FileTreeSyscalls::mkdir);
        t.full(84, "rmdir", FileTreeSyscalls::rmdir);
        t.full(85, "creat", FileOpenSyscalls::creat);
        t.full(86, "link", FileTreeSyscalls::link);
        t.full(87, "unlink", FileTreeSyscalls::unlink);
        t.full(88, "symlink", FileTreeSyscalls::symlink);
        t.full(89, "readlink", FileStatSyscalls::readlink);
        t.full(90, "chmod", FileAttributeSyscalls::chmod);
        t.full(91, "fchmod", FileAttributeSyscalls::fchmod);
        t.full(92, "chown", FileAttributeSyscalls::chown);
        t.full(93, "fchown", FileAttributeSyscalls::fchown);
        t.full(94, "lchown", FileAttributeSyscalls::lchown);
        t.full(95, "umask", FileTreeSyscalls::umask);
        t.full(96, "gettimeofday", Times::gettimeofday);
        t.partial(
                97,
                "getrlimit",
                Resources::getrlimit,
                "FSIZE, RSS, LOCKS, MSGQUEUE, NICE, RTPRIO and RTTIME are kept but not enforced");
        t.full(98, "getrusage", Resources::getrusage);
        t.partial(99, "sysinfo", SystemInfo::sysinfo, "no load averages, no shared or buffer memory");
        t.full(100, "times", Times::times);
        t.none(101, "ptrace", Errno.EPERM, "not there yet; as where YAMA forbids it");
        t.full(102, "getuid", CredentialCalls::getuid);
        t.partial(103, "syslog", SystemInfo::syslog, "an empty log");
        t.full(104, "getgid", CredentialCalls::getgid);
        t.full(105, "setuid", CredentialCalls::setuid);
        t.full(106, "setgid", CredentialCalls::setgid);
        t.full(107, "geteuid", CredentialCalls::geteuid);
        t.full(108, "getegid", CredentialCalls::getegid);
        t.full(109, "setpgid", Processes::setpgid);
        t.full(110, "getppid", Processes::getppid);
        t.full(111, "getpgrp", Processes::getpgrp);
        t.full(112, "setsid", Processes::setsid);
        t.full(113, "setreuid", CredentialCalls::setreuid);
        t.full(114, "setregid", CredentialCalls::setregid);
        t.full(115, "getgroups", CredentialCalls::getgroups);
        t.partial(116, "setgroups", CredentialCalls::setgroups, "at most 1024 groups");
        t.full(117, "setresuid", CredentialCalls::setresuid);
        t.full(118, "getresuid", CredentialCalls::getresuid);
        t.full(119, "setresgid", CredentialCalls::setresgid);
        t.full(120, "getresgid", CredentialCalls::getresgid);
        t.full(121, "getpgid", Processes::getpgid);
        t.full(122, "setfsuid", CredentialCalls::setfsuid);
        t.full(123, "setfsgid", CredentialCalls::setfsgid);
        t.full(124, "getsid", Processes::getsid);
        t.full(125, "capget", CredentialCalls::capget);
        t.full(126, "capset", CredentialCalls::capset);
        t.full(127, "rt_sigpending", Signals::rt_sigpending);
        t.full(128, "rt_sigtimedwait", Signals::rt_sigtimedwait);
        t.full(129, "rt_sigqueueinfo", Signals::rt_sigqueueinfo);
        t.full(130, "rt_sigsuspend", Signals::rt_sigsuspend);
        t.full(131, "sigaltstack", Signals::sigaltstack);
        t.full(132, "utime", FileAttributeSyscalls::utime);
        t.full(133, "mknod", FileTreeSyscalls::mknod);
        t.none(134, "uselib", Errno.ENOSYS);
        t.partial(135, "personality", ProcessControl::personality, "only ADDR_NO_RANDOMIZE has an effect");
        t.none(136, "ustat", Errno.ENOSYS);
        t.full(137, "statfs", FileStatSyscalls::statfs);
        t.full(138, "fstatfs", FileStatSyscalls::fstatfs);
        t.none(139, "sysfs", Errno.ENOSYS);
        t.partial(140, "getpriority", Scheduling::getpriority, "kept, without effect");
        t.partial(141, "setpriority", Scheduling::setpriority, "kept, without effect");
        t.partial(142, "sched_setparam", Scheduling::sched_setparam, "kept, without effect");
        t.partial(143, "sched_getparam", Scheduling::sched_getparam, "kept, without effect");
        t.partial(144, "sched_setscheduler", Scheduling::sched_setscheduler, "kept, without effect");
        t.partial(145, "sched_getscheduler", Scheduling::sched_getscheduler, "kept, without effect");
        t.full(146, "sched_get_priority_max", Scheduling::sched_get_priority_max);
        t.full(147, "sched_get_priority_min", Scheduling::sched_get_priority_min);
        t.partial(148, "sched_rr_get_interval", Scheduling::sched_rr_get_interval, "fixed values");
        t.partial(149, "mlock", Memory::mlock, "accounts and populates; memory is never swapped anyway");
        t.partial(150, "munlock", Memory::munlock, "accounts only");
        t.partial(151, "mlockall", Memory::mlockall, "accounts and populates");
        t.partial(152, "munlockall", Memory::munlockall, "accounts only");
        t.none(153, "vhangup", Errno.EPERM);
        t.none(154, "modify_ldt", Errno.ENOSYS);
        t.none(155, "pivot_root", Errno.ENOSYS);
        t.none(156, "_sysctl", Errno.ENOSYS);
        t.partial(157, "prctl", ProcessControl::prctl, "no seccomp, MM, PTRACER, MCE, speculation, VMA names: EINVAL");
        t.partial(158, "arch_prctl", ProcessControl::arch_prctl, "FS and GS only");
        t.none(159, "adjtimex", Errno.EPERM, "no sandbox sets the clock");
        t.partial(
                160,
                "setrlimit",
                Resources::setrlimit,
                "as getrlimit; the hard limits of NOFILE, NPROC and SIGPENDING cannot be raised");
        t.full(161, "chroot", FileTreeSyscalls::chroot);
        t.full(162, "sync", FileTreeSyscalls::sync);
        t.none(163, "acct", Errno.EPERM);
        t.none(164, "settimeofday", Errno.EPERM, "no sandbox sets the clock");
        t.partial(165, "mount", MountSyscalls::mount, "no shared mounts, no MS_MOVE");
        t.partial(
                166, "umount2", MountSyscalls::umount2, "working directories do not keep a mount busy; no MNT_EXPIRE");
        t.none(167, "swapon", Errno.EPERM);
        t.none(168, "swapoff", Errno.EPERM);
        t.none(169, "reboot", Errno.EPERM, "the sandbox is stopped from outside");
        t.full(170, "sethostname", SystemInfo::sethostname);
        t.full(171, "setdomainname", SystemInfo::setdomainname);
        t.none(172, "iopl", Errno.EPERM);
        t.none(173, "ioperm", Errno.EPERM);
        t.none(174, "create_module", Errno.ENOSYS);
        t.none(175, "init_module", Errno.EPERM, "no modules");
        t.none(176, "delete_module", Errno.EPERM, "no modules");
        t.none(177, "get_kernel_syms", Errno.ENOSYS);
        t.none(178, "query_module", Errno.ENOSYS);
        t.none(179, "quotactl", Errno.ENOSYS);
        t.none(180, "nfsservctl", Errno.ENOSYS);
        t.none(181, "getpmsg", Errno.ENOSYS);
        t.none(182, "putpmsg", Errno.ENOSYS);
        t.none(183, "afs_syscall", Errno.ENOSYS);
        t.none(184, "tuxcall", Errno.ENOSYS);
        t.none(185, "security", Errno.ENOSYS);
        t.full(186, "gettid", Processes::gettid);
        t.partial(187, "readahead", FileIoSyscalls::readahead, "checks its arguments; reads nothing ahead");
        t.full(188, "setxattr", FileAttributeSyscalls::setxattr);
        t.full(189, "lsetxattr", FileAttributeSyscalls::lsetxattr);
        t.full(190, "fsetxattr", FileAttributeSyscalls::fsetxattr);
        t.full(191, "getxattr", FileAttributeSyscalls::getxattr);
        t.full(192, "lgetxattr", FileAttributeSyscalls::lgetxattr);
        t.full(193, "fgetxattr", FileAttributeSyscalls::fgetxattr);
        t.full(194, "listxattr", FileAttributeSyscalls::listxattr);
        t.full(195, "llistxattr", FileAttributeSyscalls::llistxattr);
        t.full(196, "flistxattr", FileAttributeSyscalls::flistxattr);
        t.full(197, "removexattr", FileAttributeSyscalls::removexattr);
        t.full(198, "lremovexattr", FileAttributeSyscalls::lremovexattr);
        t.full(199, "fremovexattr", FileAttributeSyscalls::fremovexattr);
        t.full(200, "tkill", Signals::tkill);
        t.full(201, "time", Times::time);
        t.partial(202, "futex", Futexes::futex, "no priority inheritance: ENOSYS");
        t.partial(
                203, "sched_setaffinity", Scheduling::sched_setaffinity, "kept per task; the host chooses processors");
        t.partial(
                204, "sched_getaffinity", Scheduling::sched_getaffinity, "kept per task; the host chooses processors");
        t.none(205, "set_thread_area", Errno.ENOSYS);
        t.none(206, "io_setup", Errno.ENOSYS);
        t.none(207, "io_destroy", Errno.ENOSYS);
        t.none(208, "io_getevents", Errno.ENOSYS);
        t.none(209, "io_submit", Errno.ENOSYS);
        t.none(210, "io_cancel", Errno.ENOSYS);
        t.none(211, "get_thread_area", Errno.ENOSYS);
        t.none(212, "lookup_dcookie", Errno.ENOSYS);
        t.full(213, "epoll_create", EventSyscalls::epoll_create);
        t.none(214, "epoll_ctl_old", Errno.ENOSYS);
        t.none(215, "epoll_wait_old", Errno.ENOSYS);
        t.none(216, "remap_file_pages", Errno.ENOSYS);
        t.full(217, "getdents64", FileTreeSyscalls::getdents64);
        t.full(218, "set_tid_address", Processes::set_tid_address);
        t.full(219, "restart_syscall", Signals::restart_syscall);
        t.none(220, "semtimedop", Errno.ENOSYS);
        t.partial(221, "fadvise64", FileIoSyscalls::fadvise64, "checks its arguments; the advice is not used");
        t.none(222, "timer_create", Errno.ENOSYS);
        t.none(223, "timer_settime", Errno.ENOSYS);
        t.none(224, "timer_gettime", Errno.ENOSYS);
        t.none(225, "timer_getoverrun", Errno.ENOSYS);
        t.none(226, "timer_delete", Errno.ENOSYS);
        t.partial(227, "clock_settime", Times::clock_settime, "always EPERM: a sandbox has no clock of its own");
        t.full(228, "clock_gettime", Times::clock_gettime);
        t.full(229, "clock_getres", Times::clock_getres);
        t.partial(230, "clock_nanosleep", Times::clock_nanosleep, "no CPU-time clocks");
        t.control(231, "exit_group", Processes::exit_group);
        t.full(232, "epoll_wait", EventSyscalls::epoll_wait);
        t.partial(233, "epoll_ctl", EventSyscalls::epoll_ctl, "EPOLLEXCLUSIVE wakes all");
        t.full(234, "tgkill", Signals::tgkill);
        t.full(235, "utimes", FileAttributeSyscalls::utimes);
        t.none(236, "vserver", Errno.ENOSYS);
        t.none(237, "mbind", Errno.ENOSYS);
        t.none(238, "set_mempolicy", Errno.ENOSYS);
        t.none(239, "get_mempolicy", Errno.ENOSYS);
        t.none(240, "mq_open", Errno.ENOSYS);
        t.none(241, "mq_unlink", Errno.ENOSYS);
        t.none(242, "mq_timedsend", Errno.ENOSYS);
        t.none(243, "mq_timedreceive", Errno.ENOSYS);
        t.none(244, "mq_notify", Errno.ENOSYS);
        t.none(245, "mq_getsetattr", Errno.ENOSYS);
        t.none(246, "kexec_load", Errno.EPERM);
        t.partial(247, "waitid", Processes::waitid, "no P_PIDFD");
        t.none(248, "add_key", Errno.ENOSYS, "no keyrings yet");
        t.none(249, "request_key", Errno.ENOSYS, "no keyrings yet");
        t.none(250, "keyctl", Errno.ENOSYS, "no keyrings yet");
        t.none(251, "ioprio_set", Errno.ENOSYS);
        t.none(252, "ioprio_get", Errno.ENOSYS);
        t.none(253, "inotify_init", Errno.ENOSYS);
        t.none(254, "inotify_add_watch", Errno.ENOSYS);
        t.none(255, "inotify_rm_watch", Errno.ENOSYS);
        t.none(256, "migrate_pages", Errno.ENOSYS);
        t.partial(
                257,
                "openat",
                FileOpenSyscalls::openat,
                "O_TMPFILE gives EOPNOTSUPP; O_ASYNC and O_DIRECT have no effect");
        t.full(258, "mkdirat", FileTreeSyscalls::mkdirat);
        t.full(259, "mknodat", FileTreeSyscalls::mknodat);
        t.full(260, "fchownat", FileAttributeSyscalls::fchownat);
        t.full(261, "futimesat", FileAttributeSyscalls::futimesat);
        t.full(262, "newfstatat", FileStatSyscalls::newfstatat);
        t.full(263, "unlinkat", FileTreeSyscalls::unlinkat);
        t.full(264, "renameat", FileTreeSyscalls::renameat);
        t.full(265, "linkat", FileTreeSyscalls::linkat);
        t.full(266, "symlinkat", FileTreeSyscalls::symlinkat);
        t.full(267, "readlinkat", FileStatSyscalls::readlinkat);
        t.full(268, "fchmodat", FileAttributeSyscalls::fchmodat);
        t.full(269, "faccessat", FileStatSyscalls::faccessat);
        t.full(270, "pselect6", FilePollSyscalls::pselect6);
        t.full(271, "ppoll", FilePollSyscalls::ppoll);
        t.partial(272, "unshare", Processes::unshare, "of the namespaces only UTS; EINVAL for the others");
        t.full(273, "set_robust_list", Futexes::set_robust_list);
        t.full(274, "get_robust_list", Futexes::get_robust_list);
        t.none(275, "splice", Errno.ENOSYS);
        t.none(276, "tee", Errno.ENOSYS);
        t.none(277, "sync_file_range", Errno.ENOSYS);
        t.none(278, "vmsplice", Errno.ENOSYS);
        t.none(279, "move_pages", Errno.ENOSYS);
        t.full(280, "utimensat", FileAttributeSyscalls::utimensat);
        t.full(281, "epoll_pwait", EventSyscalls::epoll_pwait);
        t.none(282, "signalfd", Errno.ENOSYS);
        t.none(283, "timerfd_create", Errno.ENOSYS);
        t.full(284, "eventfd", EventSyscalls::eventfd);
        t.partial(
                285,
                "fallocate",
                FileAttributeSyscalls::fallocate,
                "only plain allocation, FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE");
        t.none(286, "timerfd_settime", Errno.ENOSYS);
        t.none(287, "timerfd_gettime", Errno.ENOSYS);
        t.none(288, "accept4", Errno.ENOSYS);
        t.none(289, "signalfd4", Errno.ENOSYS);
        t.full(290, "eventfd2", EventSyscalls::eventfd2);
        t.full(291, "epoll_create1", EventSyscalls::epoll_create1);
        t.full(292, "dup3", FileOpenSyscalls::dup3);
        t.partial(293, "pipe2", FileOpenSyscalls::pipe2, "O_DIRECT (packet mode) gives EINVAL");
        t.none(294, "inotify_init1", Errno.ENOSYS);
        t.full(295, "preadv", FileIoSyscalls::preadv);
        t.full(296, "pwritev", FileIoSyscalls::pwritev);
        t.full(297, "rt_tgsigqueueinfo", Signals::rt_tgsigqueueinfo);
        t.none(298, "perf_event_open", Errno.ENODEV);
        t.none(299, "recvmmsg", Errno.ENOSYS);
        t.none(300, "fanotify_init", Errno.ENOSYS);
        t.none(301, "fanotify_mark", Errno.ENOSYS);
        t.partial(302, "prlimit64", Resources::prlimit64, "as setrlimit");
        t.none(303, "name_to_handle_at", Errno.ENOSYS);
        t.none(304, "open_by_handle_at", Errno.ENOSYS);
        t.none(305, "clock_adjtime", Errno.EPERM, "no sandbox sets the clock");
        t.full(306, "syncfs", FileTreeSyscalls::syncfs);
        t.none(307, "sendmmsg", Errno.ENOSYS);
        t.none(308, "setns", Errno.EINVAL, "no namespace files");
        t.partial(309, "getcpu", Scheduling::getcpu, "the first processor of the affinity mask");
        t.none(310, "process_vm_readv", Errno.EPERM, "not there yet");
        t.none(311, "process_vm_writev", Errno.EPERM, "not there yet");
        t.none(312, "kcmp", Errno.ENOSYS);
        t.none(313, "finit_module", Errno.EPERM, "no modules");
        t.none(314, "sched_setattr", Errno.ENOSYS);
        t.none(315, "sched_getattr", Errno.ENOSYS);
        t.partial(316, "renameat2", FileTreeSyscalls::renameat2, "RENAME_WHITEOUT gives EINVAL");
        t.none(317, "seccomp", Errno.EINVAL, "not there yet; as a kernel without it");
        t.full(318, "getrandom", SystemInfo::getrandom);
        t.none(319, "memfd_create", Errno.ENOSYS);
        t.none(320, "kexec_file_load", Errno.EPERM);
        t.none(321, "bpf", Errno.EPERM);
        t.control(322, "execveat", Processes::execveat);
        t.none(323, "userfaultfd", Errno.EPERM);
        t.partial(324, "membarrier", ProcessControl::membarrier, "no GLOBAL_EXPEDITED, SYNC_CORE and RSEQ");
        t.partial(325, "mlock2", Memory::mlock2, "accounts and populates");
        t.full(326, "copy_file_range", FileIoSyscalls::copy_file_range);
        t.partial(327, "preadv2", FileIoSyscalls::preadv2, "RWF_NOWAIT and RWF_APPEND give EOPNOTSUPP");
        t.partial(328, "pwritev2", FileIoSyscalls::pwritev2, "RWF_NOWAIT and RWF_APPEND give EOPNOTSUPP");
        t.partial(329, "pkey_mprotect", Memory::pkey_mprotect, "only key -1: there are no protection keys");
        t.none(330, "pkey_alloc", Errno.ENOSYS);
        t.none(331, "pkey_free", Errno.ENOSYS);
        t.partial(332, "statx", FileStatSyscalls::statx, "no birth time, no attributes");
        t.none(333, "io_pgetevents", Errno.ENOSYS);
        t.none(334, "rseq", Errno.ENOSYS, "C libraries go on without it");
        t.none(424, "pidfd_send_signal", Errno.ENOSYS);
        t.none(425, "io_uring_setup", Errno.ENOSYS);
        t.none(426, "io_uring_enter", Errno.ENOSYS);
        t.none(427, "io_uring_register", Errno.ENOSYS);
        t.none(428, "open_tree", Errno.ENOSYS);
        t.none(429, "move_mount", Errno.ENOSYS);
        t.none(430, "fsopen", Errno.ENOSYS);
        t.none(431, "fsconfig", Errno.ENOSYS);
        t.none(432, "fsmount", Errno.ENOSYS);
        t.none(433, "fspick", Errno.ENOSYS);
        t.none(434, "pidfd_open", Errno.ENOSYS);
        t.partialControl(435, "clone3", Processes::clone3, "as clone; no set_tid, no cgroup");
        t.full(436, "close_range", FileOpenSyscalls::close_range);
        t.none(437, "openat2", Errno.ENOSYS);
        t.none(438, "pidfd_getfd", Errno.ENOSYS);
        t.full(439, "faccessat2", FileStatSyscalls::faccessat2);
        t.none(440, "process_madvise", Errno.ENOSYS);
        t.full(441, "epoll_pwait2", EventSyscalls::epoll_pwait2);
        t.none(442, "mount_setattr", Errno.ENOSYS);
        t.none(443, "quotactl_fd", Errno.ENOSYS);
        t.none(444, "landlock_create_ruleset", Errno.ENOSYS);
        t.none(445, "landlock_add_rule", Errno.ENOSYS);
        t.none(446, "landlock_restrict_self", Errno.ENOSYS);
        t.none(447, "memfd_secret", Errno.ENOSYS);
        t.none(448, "process_mrelease", Errno.ENOSYS);
        t.none(449, "futex_waitv", Errno.ENOSYS);
        t.none(450, "set_mempolicy_home_node", Errno.ENOSYS);
        t.none(451, "cachestat", Errno.ENOSYS);
        t.full(452, "fchmodat2", FileAttributeSyscalls::fchmodat2);
        t.none(453, "map_shadow_stack", Errno.ENOSYS);
        t.none(454, "futex_wake", Errno.ENOSYS);
        t.none(455, "futex_wait", Errno.ENOSYS);
        t.none(456, "futex_requeue", Errno.ENOSYS);
        t.none(457, "statmount", Errno.ENOSYS);
        t.none(458, "listmount", Errno.ENOSYS);
        t.none(459, "lsm_get_self_attr", Errno.ENOSYS);
        t.none(460, "lsm_set_self_attr", Errno.ENOSYS);
        t.none(461, "lsm_list_modules", Errno.ENOSYS);
        t.none(462, "mseal", Errno.ENOSYS);
        return t.build();
    }
}
