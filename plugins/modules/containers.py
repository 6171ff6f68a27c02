"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: containers
short_description: Converge a list of containers on the local Docker Engine
description:
  - Brings all containers of a list to a state, in one process on the controller - few and concurrent requests instead
    of one module call for each container.
  - The options of a container are those of C(community.docker.docker_container), validated one by one; an unknown
    option is an error that names the nearest valid one. All mistakes in a list are reported together, before anything
    is changed.
  - A container carries the hash of its specification, with the content of the files that are mounted into it, in the
    label C(cloudlab.spec). Besides the hash, the living container is compared - its image by id, whether it runs, its
    health, limits, environment, capabilities, mounts, published ports, user, labels, networks by id and aliases.
  - Whatever differs is mended in the least invasive way. Limits and restart policy are updated and networks joined and
    left while the container runs; what is paused goes on, what has stopped is started, what is unhealthy or in a loop
    of restarts is restarted; only for the rest a new container is made. An option that is no longer written counts as
    its default, so that a limit that was removed from a specification is removed from the container.
  - A configuration file that was altered or deleted on the host is written anew and its container restarted, because
    a running container keeps the file it was started with.
  - A new container is made as C(<name>.next) beside the old one, which is then stopped with its own time-out, removed
    and replaced. A specification that the engine refuses therefore leaves the old container running, and a run that
    was interrupted anywhere is completed by the next one. Named volumes are never removed.
  - Only containers that carry the label C(cloudlab.instance) with this instance's name are touched. A container of the
    same name without it is refused, and then nothing is changed at all.
  - Images and networks have to exist; volumes are made by the engine and get the labels of their instance and
    component.
  - Secrets never appear in the result, in the difference or in messages, which includes log lines - values of variables
    whose names end in PASSWORD, PASS, SECRET, TOKEN or KEY or are listed in O(specs[].secret_env), and those of
    O(secrets).
extends_documentation_fragment: [modes]
options:
  instance:
    description: The name of the instance that the containers belong to.
    type: str
    required: true
  directory:
    description:
      - The instance's folder on this machine. Configuration files are written to
        C(<directory>/config/<container's name without its instance>/).
    type: path
    required: true
  state:
    description:
      - V(started) - all run; those in O(specs[].needs) are started first. Whether they go on running is not waited for.
      - V(healthy) - all run and their health checks pass; each is started when those it needs are healthy. Waiting
        ends early for a container that exits, is killed for want of memory, or is restarted three times. A container
        without a health check is an error.
      - V(stopped) - none runs; those that need others are stopped before them, each within its own
        O(specs[].stop_timeout).
      - V(absent) - none exists, in the same order. Named volumes are kept.
      - With V(stopped) and V(absent) a specification needs only a O(specs[].name).
    type: str
    choices: [started, healthy, stopped, absent]
    default: started
  timeout:
    description: Seconds to wait for the health of each container, from when it was started.
    type: float
    default: 120
  concurrency:
    description: How many containers are worked on at once. An engine that starts too many at once takes longer for all.
    type: int
    default: 4
  orphans:
    description:
      - With O(state=stopped) and O(state=absent), whether containers of the instance that no specification names are
        meant too.
    type: bool
    default: false
  optional:
    description:
      - Whether the run goes on without these containers, because nothing needs them. The task does not fail then; what
        failed is in RV(failed_components), for whoever reports it at the end of the run. A specification that is wrong
        counts as a failure of its container alone.
    type: bool
    default: false
  secrets:
    description:
      - Further values to hide wherever they would appear in the result, besides the passwords of the settings and the
        secrets generated in O(directory). Values of less than six characters are not hidden, for they occur where they
        mean nothing.
    type: list
    elements: str
    default: []
  specs:
    description: The containers.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The container's name.
        type: str
        required: true
      component:
        description: The component it belongs to; O(specs[].needs) of others refer to it.
        type: str
      image:
        description:
          - The image, by tag, digest or id. A tag that means another image than the container's makes a new one.
        type: str
      needs:
        description: Components that have to come first. Those that are not in the list are of no interest.
        type: list
        elements: str
      command:
        description: The command, as a list.
        type: list
        elements: str
      entrypoint:
        description: The entry point, as a list; an empty list takes away the image's.
        type: list
        elements: str
      env:
        description:
          - Environment variables. Booleans and fractions have to be quoted, for YAML does not keep them as written.
        type: dict
      secret_env:
        description: Names of variables whose values are hidden, besides those whose names tell.
        type: list
        elements: str
      labels:
        description: Labels, besides the plugin's own.
        type: dict
      user:
        description: The user, by number or name, with or without a group.
        type: str
      group_add:
        description: Further groups of the user.
        type: list
        elements: str
      working_dir:
        description: The working directory.
        type: str
      hostname:
        description: The host name inside the container.
        type: str
      networks:
        description:
          - Networks; the first one is the container's default. Without any, the container has no network at all.
        type: list
        elements: dict
        suboptions:
          name:
            description: The network's name.
            type: str
            required: true
          aliases:
            description: Names under which the container is known there, besides its own.
            type: list
            elements: str
      published_ports:
        description: Ports as C([address:]host port:container port[/protocol]). Without an address, 127.0.0.1 is bound.
        type: list
        elements: str
      mounts:
        description: Volumes, folders and files of the host, and temporary file systems.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - The kind of mount. The source of a V(bind) has to exist; the content of a file that is mounted
                read-only counts as part of the specification.
            type: str
            choices: [volume, bind, tmpfs]
            default: volume
          source:
            description: The volume's name, or the absolute path on the host.
            type: str
          target:
            description: The path inside the container.
            type: str
            required: true
          read_only:
            description: Whether it is mounted read-only.
            type: bool
            default: false
          on_engine:
            description:
              - Whether the source of a V(bind) is a path of the engine's own machine, which this one may not see. Then
                the engine alone tells whether it exists.
            type: bool
            default: false
          tmpfs_size:
            description: The size of a temporary file system, for example V(64m).
            type: str
          tmpfs_mode:
            description: The mode of a temporary file system, in octal digits and quotes.
            type: str
          tmpfs_options:
            description: Further mount options of a temporary file system, for example V(exec) or V(uid=999).
            type: list
            elements: str
      files:
        description: Configuration files, rendered here, mounted read-only and part of the specification.
        type: list
        elements: dict
        suboptions:
          src:
            description:
              - A template, found as by the module C(template). Exactly one of this, O(specs[].files[].content) and
                O(specs[].files[].copy) must be set.
            type: str
          content:
            description: The text itself.
            type: str
          copy:
            description:
              - The absolute path of a file of this machine that is copied as it is. The engine mounts the copy, so it
                needs no access to the original, and a changed original recreates the container.
            type: str
          target:
            description: The path inside the container.
            type: str
            required: true
          mode:
            description: The mode, in octal digits and quotes. The user in the container is rarely the owner.
            type: str
            default: "0444"
          secret:
            description:
              - Whether the content is left out of differences. Lines that look as if they set a password always are.
            type: bool
            default: false
      memory:
        description: The limit of memory, for example V(512m); 0 or nothing means none.
        type: str
      memory_swap:
        description: The limit of memory and swap together; -1 means unlimited swap, nothing means twice the memory.
        type: str
      memory_reservation:
        description: The soft limit of memory.
        type: str
      shm_size:
        description: The size of /dev/shm.
        type: str
      cpus:
        description: The limit of CPUs, for example 1.5.
        type: float
      pids_limit:
        description: The limit of processes; 0 or nothing means none.
        type: int
      ulimits:
        description: Limits of the process as C(name:soft:hard).
        type: list
        elements: str
      cap_drop:
        description: Capabilities to drop, or V(ALL).
        type: list
        elements: str
      cap_add:
        description: Capabilities to add.
        type: list
        elements: str
      security_opts:
        description: Security options, for example V(no-new-privileges:true).
        type: list
        elements: str
      read_only:
        description: Whether the root file system is read-only.
        type: bool
        default: false
      init:
        description: Whether an init process passes on signals and reaps processes.
        type: bool
        default: false
      sysctls:
        description: Kernel parameters of the container's namespaces.
        type: dict
      etc_hosts:
        description: Names and addresses for /etc/hosts.
        type: dict
      restart_policy:
        description: What the engine does when the container ends.
        type: str
        choices: ['no', always, on-failure, unless-stopped]
        default: 'no'
      restart_retries:
        description: How often V(on-failure) restarts it; 0 means without end.
        type: int
        default: 0
      stop_signal:
        description: The signal that asks it to stop.
        type: str
      stop_timeout:
        description: Seconds from that signal to its being killed; the engine's default is 10.
        type: int
      healthcheck:
        description: How its health is found out. The test V([NONE]) turns off that of the image.
        type: dict
        suboptions:
          test:
            description: The command as a list that begins with CMD or CMD-SHELL, or as a string for the shell.
            type: raw
            required: true
          interval:
            description: The time between two checks, for example V(10s).
            type: str
          timeout:
            description: The time a check may take.
            type: str
          retries:
            description: How many checks have to fail in a row.
            type: int
          start_period:
            description: The time in which failures do not count.
            type: str
          start_interval:
            description: The time between two checks in the start period. Engines before API 1.44 do not have it.
            type: str
          fallback_interval:
            description: O(specs[].healthcheck.interval) for engines without start interval.
            type: str
      log_driver:
        description: The log driver.
        type: str
      log_options:
        description: Options of the log driver.
        type: dict
attributes:
  check_mode:
    description:
      - Nothing is changed, on the engine or on disk. Images, networks and files that an earlier task would have made
        may be missing.
    support: full
  diff_mode:
    description: One entry for each container that differs and for each of its files, with secrets hidden.
    support: full
notes:
  - The engine is found as the C(docker) command finds it - by DOCKER_HOST, the current context, or
    /var/run/docker.sock.
  - A failure of one container does not keep the others from coming up. Those that need it are started but not waited
    for. All failures are reported in one message, with the cause and the last log lines.
author:
  - Cloudlab
"""

EXAMPLES = r"""
- name: Run PostgreSQL and a service that needs it
  containers:
    instance: cloudlab
    directory: "{{ playbook_dir }}/../.cloudlab/cloudlab"
    state: healthy
    timeout: 60
    specs:
      - name: cloudlab-postgres
        component: postgres
        image: postgres:17.11-trixie
        user: "999:999"
        env:
          PGDATA: /var/lib/postgresql/data/pgdata
        networks:
          - name: cloudlab-database
            aliases: [postgres]
        published_ports: ["127.0.0.1:5432:5432/tcp"]
        mounts:
          - {type: volume, source: cloudlab-postgres-data, target: /var/lib/postgresql/data}
          - {type: tmpfs, target: /tmp, tmpfs_size: 64m, tmpfs_mode: "1777"}
        files:
          - {src: postgresql.conf.j2, target: /etc/postgresql/postgresql.conf}
        memory: 512m
        cap_drop: [ALL]
        read_only: true
        healthcheck:
          test: [CMD, pg_isready, -h, 127.0.0.1]
          interval: 10s
          start_period: 60s
          start_interval: 1s
          fallback_interval: 2s
      - name: cloudlab-order
        component: order
        image: cloudlab/order:dev
        needs: [postgres]
        networks: [{name: cloudlab-database}]
        healthcheck: {test: [CMD, /order, -check]}

- name: Stop them, the service first
  containers:
    instance: cloudlab
    directory: "{{ playbook_dir }}/../.cloudlab/cloudlab"
    state: stopped
    specs:
      - {name: cloudlab-postgres, component: postgres}
      - {name: cloudlab-order, component: order, needs: [postgres]}
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in the order of the list.
  returned: always, except for errors that are found before anything is changed
  type: list
  elements: dict
  contains:
    container:
      description: The container's name.
      type: str
      sample: cloudlab-postgres
    action:
      description: One of create, recreate, start, restart, unpause, update, connect, stop and remove.
      type: str
      sample: update
    reasons:
      description: Why.
      type: list
      elements: str
      sample: ["memory: 512 MiB instead of 1.0 GiB"]
failed_components:
  description: Component -> the causes of its failed containers with their last log lines.
  returned: when some failed
  type: dict
  sample: {kafka: "cloudlab-kafka: port 9092 on 127.0.0.1 is in use by java (process 812)…"}
failures:
  description:
    - The containers that failed, each with the cause in plain words. The message has their last log lines besides.
  returned: when some failed
  type: list
  elements: dict
  sample:
    - {container: cloudlab-kafka, cause: "port 9092 on 127.0.0.1 is in use by java (process 812). Stop it, or set
      another port"}
msg:
  description: What was done in one line, or all failures.
  returned: always
  type: str
  sample: "6 containers, healthy: nothing to do"
"""
