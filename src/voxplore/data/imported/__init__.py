"""Files of other programs: meshes and strut graphs."""
