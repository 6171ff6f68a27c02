"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: containers
short_description: Converge a list of containers on the local Docker Engine
description:
  - Brings all containers of a list to a state, in one process on the controller, with few and concurrent requests
    instead of one module call per container.
  - The options of a container are those of C(community.docker.docker_container). Each option is validated; an unknown
    option is an error that suggests the nearest valid one. All errors in a list are reported together, before anything
    is changed.
  - A container carries the hash of its specification, including the contents of the files that are mounted into it, in
    the label C(cloudlab.spec). In addition to the hash, the actual container is compared - image ID, state, health,
    limits, environment, capabilities, mounts, published ports, user, labels, network IDs and aliases.
  - Differences are repaired in the least invasive way. Limits, restart policy and networks are updated while the
    container runs; a paused container is unpaused, a stopped one is started, and an unhealthy one or one in a restart
    loop is restarted; all other differences require a new container. An option that is not set has its default value,
    so that a limit that is removed from a specification is removed from the container.
  - A configuration file that was changed or deleted on the host is rewritten and its container restarted, because a
    running container keeps the file that it was started with.
  - A new container is created as C(<name>.next) next to the old one, which is then stopped with its own timeout,
    removed and replaced. A specification that the engine rejects therefore leaves the old container running, and an
    interrupted run is completed by the next one. Named volumes are never removed.
  - Only containers with the label C(cloudlab.instance) and this instance's name are changed. A container of the same
    name without the label is an error, and then nothing is changed.
  - Images and networks must exist; the engine creates volumes with the labels of their instance and component.
  - Secrets never appear in results, diffs or messages, including log lines - values of variables whose names end in
    PASSWORD, PASS, SECRET, TOKEN or KEY or are listed in O(specs[].secret_env), and the values in O(secrets).
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance that the containers belong to.
    type: str
    required: true
  directory:
    description:
      - Directory of the instance on this machine. Configuration files are written to C(<directory>/config/<container
        name without instance>/).
    type: path
    required: true
  state:
    description:
      - V(started) - all containers run; those in O(specs[].needs) are started first. It does not check whether they
        keep running.
      - V(healthy) - all containers run and their health checks pass; each is started when its dependencies are healthy.
        Waiting ends early for a container that exits, runs out of memory or is restarted three times. A container
        without a health check is an error.
      - V(stopped) - no container runs; dependents are stopped first, each within its own O(specs[].stop_timeout).
      - V(absent) - no container exists; removed in the same order. Named volumes are kept.
      - V(stopped) and V(absent) require only O(specs[].name) of a specification.
      - With V(stopped) and V(absent) a specification needs only a O(specs[].name).
    type: str
    choices: [started, healthy, stopped, absent]
    default: started
  timeout:
    description: Maximum time to wait for each container to become healthy, in seconds after its start.
    type: float
    default: 120
  concurrency:
    description: Number of containers to process concurrently. Too many concurrent starts slow the engine down.
    type: int
    default: 4
  orphans:
    description:
      - Whether O(state=stopped) and O(state=absent) also apply to containers of the instance that are not in O(specs).
    type: bool
    default: false
  optional:
    description:
      - Whether the run continues without these containers, because nothing depends on them. The task then does not
        fail; failures are in RV(failed_components), to be reported at the end of the run. An invalid specification
        counts as a failure of its container only.
    type: bool
    default: false
  secrets:
    description:
      - Additional values to hide in the result, besides the passwords of the settings and the secrets generated in
        O(directory). Values of less than six characters are not hidden, because they also occur in other text.
    type: list
    elements: str
    default: []
  specs:
    description: Container specifications.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the container.
        type: str
        required: true
      component:
        description: Component of the container, to which O(specs[].needs) of others refer.
        type: str
      image:
        description:
          - Image, by tag, digest or ID. If the tag refers to another image than the container's, the container is
            recreated.
        type: str
      needs:
        description: Components to start first. Components that are not in the list are ignored.
        type: list
        elements: str
      command:
        description: Command, as a list.
        type: list
        elements: str
      entrypoint:
        description: Entry point, as a list; an empty list removes the image's.
        type: list
        elements: str
      env:
        description:
          - Environment variables. Booleans and floats must be quoted, because YAML does not preserve their notation.
        type: dict
      secret_env:
        description: Names of additional variables whose values are hidden.
        type: list
        elements: str
      labels:
        description: Additional labels.
        type: dict
      user:
        description: User, by ID or name, with or without a group.
        type: str
      group_add:
        description: Additional groups of the user.
        type: list
        elements: str
      working_dir:
        description: Working directory.
        type: str
      hostname:
        description: Host name inside the container.
        type: str
      networks:
        description:
          - Networks; the first one is the container's default. Without any, the container has no network.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the network.
            type: str
            required: true
          aliases:
            description: DNS names of the container in the network, in addition to its own name.
            type: list
            elements: str
      published_ports:
        description: Ports as C([address:]host port:container port[/protocol]). The default address is 127.0.0.1.
        type: list
        elements: str
      mounts:
        description: Volumes, bind mounts and temporary file systems.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - Type of the mount. The source of a V(bind) must exist; the content of a file that is mounted read-only
                is part of the specification.
            type: str
            choices: [volume, bind, tmpfs]
            default: volume
          source:
            description: Name of the volume, or absolute path on the host.
            type: str
          target:
            description: Path inside the container.
            type: str
            required: true
          read_only:
            description: Whether the mount is read-only.
            type: bool
            default: false
          on_engine:
            description:
              - Whether the source of a V(bind) is a path on the engine's machine, which may not be visible on this one.
                Then only the engine checks whether it exists.
            type: bool
            default: false
          tmpfs_size:
            description: Size of a temporary file system, for example V(64m).
            type: str
          tmpfs_mode:
            description: Mode of a temporary file system, in octal digits and quoted.
            type: str
          tmpfs_options:
            description: Additional mount options of a temporary file system, for example V(exec) or V(uid=999).
            type: list
            elements: str
      files:
        description: Configuration files that are rendered here and mounted read-only; part of the specification.
        type: list
        elements: dict
        suboptions:
          src:
            description:
              - Template, with the search path of module C(template). Exactly one of this, O(specs[].files[].content)
                and O(specs[].files[].copy) must be set.
            type: str
          content:
            description: Content of the file.
            type: str
          copy:
            description:
              - Absolute path of a file on this machine to copy without rendering. The engine mounts the copy, so it
                needs no access to the original, and a changed original recreates the container.
            type: str
          target:
            description: Path inside the container.
            type: str
            required: true
          mode:
            description: File mode, in octal digits and quoted. The user in the container is usually not the owner.
            type: str
            default: "0444"
          secret:
            description:
              - Whether to omit the content from diffs. Lines that seem to set a password are always omitted.
            type: bool
            default: false
      memory:
        description: Memory limit, for example V(512m); 0 or unset for none.
        type: str
      memory_swap:
        description: Limit of memory and swap together; -1 for unlimited swap, unset for twice the memory.
        type: str
      memory_reservation:
        description: Soft memory limit.
        type: str
      shm_size:
        description: Size of /dev/shm.
        type: str
      cpus:
        description: CPU limit, for example 1.5.
        type: float
      pids_limit:
        description: Maximum number of processes; 0 or unset for no limit.
        type: int
      ulimits:
        description: Resource limits of the process as C(name:soft:hard).
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
        description: Whether to run an init process that forwards signals and reaps processes.
        type: bool
        default: false
      sysctls:
        description: Kernel parameters in the container's namespaces.
        type: dict
      etc_hosts:
        description: Additional entries of /etc/hosts, name to address.
        type: dict
      restart_policy:
        description: When the engine restarts the container.
        type: str
        choices: ['no', always, on-failure, unless-stopped]
        default: 'no'
      restart_retries:
        description: Maximum number of restarts with V(on-failure); 0 for unlimited.
        type: int
        default: 0
      stop_signal:
        description: Signal that stops the container.
        type: str
      stop_timeout:
        description: Seconds to wait after that signal before the container is killed; the engine's default is 10.
        type: int
      healthcheck:
        description: Health check. The test V([NONE]) disables the image's health check.
        type: dict
        suboptions:
          test:
            description: Command as a list that begins with CMD or CMD-SHELL, or as a string for the shell.
            type: raw
            required: true
          interval:
            description: Time between two checks, for example V(10s).
            type: str
          timeout:
            description: Timeout of a check.
            type: str
          retries:
            description: Number of consecutive failures after which the container is unhealthy.
            type: int
          start_period:
            description: Time after the start in which failures do not count.
            type: str
          start_interval:
            description: Time between two checks in the start period. Requires API version 1.44.
            type: str
          fallback_interval:
            description: Replaces O(specs[].healthcheck.interval) on engines without start interval.
            type: str
      log_driver:
        description: Log driver.
        type: str
      log_options:
        description: Options of the log driver.
        type: dict
attributes:
  check_mode:
    description:
      - Nothing is changed, on the engine or on disk. Images, networks and files that an earlier task would have created
        may be missing.
    support: full
  diff_mode:
    description: One entry for each container that differs and for each of its files, with secrets hidden.
    support: full
notes:
  - The engine is found like the C(docker) command does it - by DOCKER_HOST, the current context, or
    /var/run/docker.sock.
  - A failure of one container does not prevent the others from starting. Its dependents are started but not waited for.
    All failures are reported in one message, with the cause and the last log lines.
author:
  - Cloudlab
"""

EXAMPLES = r"""
- name: Run PostgreSQL and a service that depends on it
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
      - name: cloudlab-web
        component: web
        image: cloudlab/web:dev
        needs: [postgres]
        networks: [{name: cloudlab-database}]
        healthcheck: {test: [CMD, /web, -check]}

- name: Stop both, the service first
  containers:
    instance: cloudlab
    directory: "{{ playbook_dir }}/../.cloudlab/cloudlab"
    state: stopped
    specs:
      - {name: cloudlab-postgres, component: postgres}
      - {name: cloudlab-web, component: web, needs: [postgres]}
"""

RETURN = r"""
actions:
  description: Actions that were taken (in check mode, would be taken), in the order of the list.
  returned: always, except for errors that are found before anything is changed
  type: list
  elements: dict
  contains:
    container:
      description: Name of the container.
      type: str
      sample: cloudlab-postgres
    action:
      description: One of create, recreate, start, restart, unpause, update, connect, stop and remove.
      type: str
      sample: update
    reasons:
      description: Reasons for the action.
      type: list
      elements: str
      sample: ["memory: 512 MiB instead of 1.0 GiB"]
failed_components:
  description: Component -> causes of its failed containers, with their last log lines.
  returned: when some failed
  type: dict
  sample: {kafka: "cloudlab-kafka: port 9092 on 127.0.0.1 is already in use by java (pid 812)…"}
failures:
  description:
    - Failed containers, each with its cause. The message also contains their last log lines.
  returned: when some failed
  type: list
  elements: dict
  sample:
    - {container: cloudlab-kafka, cause: "port 9092 on 127.0.0.1 is already in use by java (pid 812). Stop it, or set
      another port"}
msg:
  description: Summary of the actions in one line, or all failures.
  returned: always
  type: str
  sample: "6 containers, healthy: up to date"
"""
