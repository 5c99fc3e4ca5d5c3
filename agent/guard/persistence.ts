// Files that somebody runs or trusts later: whoever writes one has more than that one write. File rules import it.

/** Ours: no rule of the host opens them, since they are what the rules and the lanes stand on. */
export const OURS = [
  '/etc/mttrly/**',
  '/opt/mttrly/**',
  '/var/lib/mttrly*/**',
  '/run/mttrly*/**',
  '/usr/local/sbin/mttrly-agent',
  '/etc/systemd/system/mttrly-*/**',
]

/** Written only where the host's own policy names the one file, without a wildcard. */
export const PERSISTENCE = [
  // who may enter, and as whom
  '/etc/{passwd,group,shadow,gshadow,subuid,subgid,securetty,shells}*',
  '/etc/{sudoers,sudoers.d,doas.conf,pam.d,pam.conf,security,ssh,polkit-1,krb5.conf,nsswitch.conf}/**',
  '/**/.ssh/**',
  '/**/{.rhosts,.shosts,.netrc,.forward}',
  // what starts by itself
  '/etc/cron*/**',
  '/etc/anacrontab',
  '/var/spool/{cron,anacron,at}/**',
  '/{etc,run,lib,usr/lib,usr/local/lib,usr/share}/systemd/**',
  '/**/.config/{systemd,autostart}/**',
  '/etc/{init.d,init,rc.local,rc0.d,rc1.d,rc2.d,rc3.d,rc4.d,rc5.d,rc6.d,rcS.d,inittab,xdg,dbus-1,udev,update-motd.d}/**',
  '/etc/{logrotate.conf,logrotate.d,apt,dpkg,yum,yum.conf,dnf,kernel,initramfs-tools,dracut.conf.d,grub.d}/**',
  '/etc/{NetworkManager,networkd-dispatcher,network,dhcp,ppp,acpi,needrestart,supervisor,monit,binfmt.d}/**',
  '/etc/{modprobe.d,modules,modules-load.d,sysctl.conf,sysctl.d,tmpfiles.d,sysusers.d,fstab,crypttab,alternatives}/**',
  // what every program loads or every shell reads
  '/etc/{ld.so.preload,ld.so.conf,ld.so.conf.d,ld.so.cache,environment,environment.d,profile,profile.d}/**',
  '/etc/{bash.bashrc,bashrc,zsh,zshrc,csh.cshrc,csh.login,inputrc,skel}/**',
  '/**/{.bashrc,.bash_profile,.bash_login,.bash_logout,.profile,.zshrc,.zshenv,.zprofile,.zlogin,.kshrc,.inputrc,.vimrc,.exrc}',
  '/**/.git/**',
  '/**/{.gitconfig,.npmrc,.pypirc,.gdbinit,.psqlrc,.my.cnf}',
  // programs and the kernel
  '/{bin,sbin,lib,lib32,lib64,boot,usr,snap}/**',
  '/{proc,sys,dev}/**',
]
