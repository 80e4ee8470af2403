/**
 * The platform on KVM: guest code runs at ring 3 of a virtual machine per sandbox.
 *
 * <p>From the bottom up: {@code LibC}, {@code Host} and {@code HostMapping} are the only native calls; {@code Kvm},
 * {@code KvmVm} and {@code KvmVcpu} are KVM's file descriptors with one method per ioctl; {@code KernelImage} is what
 * the guest has in place of a kernel; {@code Vcpu} enters and leaves the guest; {@code VcpuPool} shares vCPUs between
 * contexts; {@code KvmMachine}, {@code KvmContext} and {@code KvmPlatform} implement {@code sentry.platform}.
 *
 * <p>Guests are hostile. Registers and memory that come from one are used only as values. What a guest can reach is
 * its own memory slot, by page tables that {@code mm} writes, and never the image's slot. Threads: the task thread
 * enters the guest itself; any thread may kick or close.
 *
 * <p>Lock order: VcpuPool.lock, then nothing of ours. A vCPU's {@code busy} flag is taken without waiting.
 */
@NullMarked
package dev.stockade.sentry.kvm;

import org.jspecify.annotations.NullMarked;
