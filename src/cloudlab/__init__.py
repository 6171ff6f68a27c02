"""The logic of Cloudlab: what its Ansible plugins decide and do."""
